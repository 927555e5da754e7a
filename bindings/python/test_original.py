"""Programs that were written for the original, fitbit_api, run with this package."""

import contextlib
import datetime
import sqlite3
import time
import unittest

import simulator
from fitbit_api import FitbitClient
from fitbit_api.exceptions import FitbitException, RateLimitException

# The original's page of documentation, but for what a reader has to fill in.
DANCE = """
from fitbit_api import FitbitClient

CLIENT_ID = 'your Fitbit app Client ID'
CLIENT_SECRET = 'your Fitbit app Client Secret'
CALLBACK_URI = 'your Fitbit app Callback URI'

authorization_uri = FitbitClient.OAuth2_step_one(
    client_id=CLIENT_ID,
    redirect_uri=CALLBACK_URI,
)

redirect_uri = 'address the user was redirected to'

def new_token_callback(token):
    # save the token somewhere so the user doesn't have to log in again.

client = FitbitClient.OAuth2_step_two(
    client_id=CLIENT_ID,
    client_secret=CLIENT_SECRET,
    callback_uri=CALLBACK_URI,
    redirect_uri=redirect_uri,
    new_token_callback=new_token_callback,
)
"""

USING_TOKEN = """
from fitbit_api import FitbitClient

CLIENT_ID = 'your Fitbit app Client ID'
CALLBACK_URI = 'your Fitbit app Callback URI'

def new_token_callback(token):
    # save subsequent tokens somewhere so the user doesn't have to log in again.

token = {}  # some token retrieved from some place
client = FitbitClient.create_using_token(
    token=token,
    client_id=CLIENT_ID,
    callback_uri=CALLBACK_URI,
    new_token_callback=new_token_callback
)
"""


def run(program, app, **names):
    program = (
        program.replace("'your Fitbit app Client ID'", repr(app["client_id"]))
        .replace("'your Fitbit app Client Secret'", repr(app["client_secret"]))
        .replace("'your Fitbit app Callback URI'", repr(app["callback_uri"]))
        .replace("'address the user was redirected to'", "visit(authorization_uri)")
        .replace("    # save ", "    saved.append(token)  # save ")
        .replace("token = {}  # some", "token = dict(stored)  # some")
    )
    names.update(saved=[], visit=simulator.visit)
    exec(program, names)
    return names["client"], names["saved"]


# The same, registered as an application without a secret, which is what the page's second half needs
# to be able to renew.
WITHOUT_SECRET = {**simulator.FITBIT, "client_id": "22CLNT", "client_secret": None}


class TheOriginalsPrograms(unittest.TestCase):
    def setUp(self):
        simulator.turn("reset")

    def test_the_dance_of_the_documentation_logs_a_person_in(self):
        client, saved = run(DANCE, simulator.FITBIT)
        self.assertEqual(saved, [client.token])
        self.assertIn("user", client.get_profile())
        simulator.turn("expire")
        self.assertIn("user", client.get_profile())
        self.assertEqual(len(saved), 2)
        self.assertEqual(saved[1], client.token)

    def test_the_token_that_was_saved_needs_no_dance(self):
        _, saved = run(DANCE, WITHOUT_SECRET)
        client, saved_later = run(USING_TOKEN, WITHOUT_SECRET, stored=saved[0])
        self.assertIn("user", client.get_profile())
        self.assertEqual(saved_later, [])
        simulator.turn("expire")
        self.assertIn("user", client.get_profile())
        self.assertEqual(len(saved_later), 1)
        self.assertEqual(simulator.requests("exchange"), 1)

    def test_a_token_that_the_original_saved_is_taken_and_given_in_the_same_shape(self):
        saved = []
        token = simulator.token()
        token["scope"] = token["scope"].split()
        token["expires_at"] = time.time() - 0.5
        client = FitbitClient.create_using_token(
            token=token, **simulator.FITBIT, new_token_callback=saved.append
        )
        client.get_profile()
        self.assertEqual(sorted(saved[0]["scope"]), sorted(token["scope"]))
        self.assertIsInstance(saved[0]["expires_at"], float)
        self.assertGreater(saved[0]["expires_at"], time.time())
        self.assertEqual(saved[0]["user_id"], token["user_id"])
        self.assertEqual(client.refresh_token(), saved[1])

    def test_the_originals_arguments_may_be_told_by_their_place(self):
        client_id, secret, callback_uri = simulator.FITBIT.values()
        back = simulator.visit(FitbitClient.OAuth2_step_one(client_id, callback_uri, ["profile"]))
        saved = []
        client = FitbitClient.OAuth2_step_two(
            client_id, secret, callback_uri, back, ["profile"], saved.append
        )
        self.assertEqual(saved[0]["scope"], ["profile"])
        again = FitbitClient.create_using_token(
            client.token, client_id, secret, callback_uri, None, saved.append
        )
        self.assertIn("user", again.get_profile())

    def test_a_token_can_be_saved_with_what_is_bound_to_a_thread(self):
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.execute("CREATE TABLE tokens (access_token TEXT)")

            def save(token):
                database.execute("INSERT INTO tokens VALUES (?)", [token["access_token"]])

            client = FitbitClient.create_using_token(
                simulator.token(), **simulator.FITBIT, new_token_callback=save
            )
            client.refresh_token()
            rows = database.execute("SELECT access_token FROM tokens").fetchall()
        self.assertEqual(rows, [(client.token["access_token"],)])

    def test_the_originals_methods_are_there(self):
        client = FitbitClient.create_using_token(simulator.token(), **simulator.FITBIT)
        day = datetime.datetime(2026, 1, 5)
        self.assertIn("summary", client.get_activities_by_date(day))
        steps = client.get_activities_resource_by_date_range("steps", base_date=day, end_date=day)
        self.assertIn("activities-steps", steps)
        sleep = client.get_sleep_list(sort="asc", offset=0, limit=20, after_date=day)
        self.assertIn("pagination", sleep)
        food = client.add_foods_log(
            None, meal_type_id=7, unit_id=304, amount=1, date="today", food_name="Äpfel & Co",
            calories=80,
        )
        self.assertIsNone(client.delete_foods_log(food["foodLog"]["logId"]))
        answer = client._get("/1/user/-/devices.json", full_response=True)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.json(), client.get_devices())
        with self.assertRaises(TypeError):
            client.get_activities_by_date()

    def test_the_rate_limit_is_the_originals_exception(self):
        client = FitbitClient.create_using_token(simulator.token(), **simulator.FITBIT)
        simulator.fault("api", "status_429_reset", seconds=30)
        with self.assertRaises(RateLimitException) as caught:
            client.get_profile()
        self.assertEqual(caught.exception.retry_after, 31)
        self.assertIsInstance(caught.exception, FitbitException)
