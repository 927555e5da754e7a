"""The Python package fitbit_api, as its manual says: one client kept for a person."""

from driver import *  # noqa: F403
from fitbit_api import FitbitClient


class Session(FitbitClient._OAuth2Session):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        lead(self)


if OPERATION in ("exchange", "refresh") or OPERATION.startswith("/"):
    FitbitClient._OAuth2Session = Session


def save(token):
    assert token["access_token"]


def address():
    FitbitClient.OAuth2_step_one(CLIENT_ID, CALLBACK_URI, SCOPES)


def exchange():
    FitbitClient.OAuth2_step_two(
        CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, CALLBACK_URI + "?code=abcdef0123&state=x",
        SCOPES, save)


if OPERATION in ("address", "exchange"):
    drive({"address": address, "exchange": exchange}[OPERATION])
else:
    client = FitbitClient.create_using_token(
        TOKEN, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, SCOPES, save)

    def get():
        assert client._get(OPERATION)["activities-steps"]

    drive(client.refresh_token if OPERATION == "refresh" else get)
