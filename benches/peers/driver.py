"""How the Python clients are driven, see driver.h; and how their requests, whose addresses they
hold as constants, come to the bench's server: an adapter of requests gives them its address."""

import os
import sys
import time

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the loopback server speaks plain HTTP

from requests.adapters import HTTPAdapter  # noqa: E402

OPERATION, SERVER = sys.argv[1], sys.argv[2]
CA_FILE = sys.argv[3] if len(sys.argv) > 3 else None
CLIENT_ID, CLIENT_SECRET = "22942C", "0123456789abcdef0123456789abcdef"
CALLBACK_URI = "https://app.example/callback"
SCOPES = (
    "activity cardio_fitness electrocardiogram heartrate irregular_rhythm_notifications location "
    "nutrition oxygen_saturation profile respiratory_rate settings sleep social temperature weight"
).split()
TOKEN = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9." + "a" * 200,
    "refresh_token": "one",
    "token_type": "Bearer",
    "expires_at": 4102444800.0,
    "scope": SCOPES,
}


class ToServer(HTTPAdapter):
    def send(self, request, **options):
        request.url = SERVER + request.url[len("https://api.fitbit.com"):]
        return super().send(request, **options)


def lead(session):
    session.mount("https://api.fitbit.com", ToServer(max_retries=0))
    session.trust_env = False
    if CA_FILE:
        session.verify = CA_FILE


def drive(operation):
    for line in sys.stdin:
        count = range(int(line))
        begin = time.perf_counter_ns()
        for _ in count:
            operation()
        print(time.perf_counter_ns() - begin, flush=True)
