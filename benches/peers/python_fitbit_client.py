"""The Python package fitbit (python-fitbit), as its manual says: one client kept for a person."""

from driver import *  # noqa: F403
from fitbit import Fitbit, FitbitOauth2Client


def save(token):
    assert token["access_token"]


def address():
    FitbitOauth2Client(CLIENT_ID, CLIENT_SECRET).authorize_token_url(SCOPES, CALLBACK_URI)


def exchange():
    person = Fitbit(CLIENT_ID, CLIENT_SECRET, redirect_uri=CALLBACK_URI, refresh_cb=save)
    lead(person.client.session)
    assert person.client.fetch_access_token("abcdef0123")["access_token"]


if OPERATION in ("address", "exchange"):
    drive({"address": address, "exchange": exchange}[OPERATION])
else:
    client = Fitbit(
        CLIENT_ID, CLIENT_SECRET, access_token=TOKEN["access_token"],
        refresh_token=TOKEN["refresh_token"], expires_at=TOKEN["expires_at"], refresh_cb=save)
    lead(client.client.session)

    def get():
        assert client.make_request("https://api.fitbit.com" + OPERATION)["activities-steps"]

    drive(client.client.refresh_token if OPERATION == "refresh" else get)
