"""Logs people in to Fitbit, and keeps the login alive: libfitbit for Python programs.

It stands in for the package fitbit_api: a program that was written for that one runs with this one.
Only the standard library is needed, and libfitbit.so: an installed one, or what FITBIT_LIBRARY names.

    client = FitbitClient.login(
        client_id="...", callback_uri="http://127.0.0.1:8080/callback", token_file="login.json")
    print(client.get_profile()["user"])

What is different: a request that fails raises FitbitError, where the original returns None.
"""

from .client import FitbitClient, Response
from .exceptions import Code, FitbitError, FitbitException, InsufficientScope, RateLimitException
from .library import lib

# The original's. Without a scope this package asks for everything that can be read.
ALL_SCOPES = [
    "activity", "nutrition", "heartrate", "location", "profile", "settings", "sleep", "social",
    "weight",
]

__all__ = [
    "ALL_SCOPES", "FitbitClient", "Response",
    "Code", "FitbitError", "FitbitException", "InsufficientScope", "RateLimitException",
    "version",
]


def version():
    """Of libfitbit, such as "0.1.0"."""
    return lib.fitbit_version().decode()
