"""What this package offers beside the original's calls, and what becomes of its tokens and handles."""

import contextlib
import copy
import ctypes
import gc
import os
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import unittest.mock

import simulator
from fitbit_api import Code, FitbitClient, FitbitError, InsufficientScope, library

PROFILE = "/1/user/-/profile.json"


def client_of(token=None, save=None, app=simulator.FITBIT, **settings):
    return FitbitClient.create_using_token(
        simulator.token(app) if token is None else token, **app, new_token_callback=save, **settings
    )


class Test(unittest.TestCase):
    def setUp(self):
        simulator.turn("reset")

    def fails(self, code, function, *arguments, **keywords):
        with self.assertRaises(FitbitError) as caught:
            function(*arguments, **keywords)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception


class Logins(Test):
    def test_a_person_logs_in_with_either_provider(self):
        for app, path in (simulator.FITBIT, PROFILE), (simulator.GOOGLE, "/v4/users/me/identity"):
            with self.subTest(app["client_id"]):
                address = FitbitClient.OAuth2_step_one(**app)
                saved = []
                client = FitbitClient.OAuth2_step_two(
                    **app, redirect_uri=simulator.visit(address), new_token_callback=saved.append
                )
                self.assertTrue(client.get(path))
                simulator.turn("expire")
                self.assertTrue(client.get(path))
                self.assertEqual(len(saved), 2)
                self.assertTrue(client.user_id())

    def test_a_redirect_serves_once_and_only_where_its_login_began(self):
        address = FitbitClient.OAuth2_step_one(**simulator.FITBIT)
        redirect = dict(simulator.FITBIT, redirect_uri=simulator.visit(address))
        FitbitClient.OAuth2_step_two(**redirect)
        self.fails(Code.STATE_MISMATCH, FitbitClient.OAuth2_step_two, **redirect)
        nobodys = dict(simulator.FITBIT, redirect_uri=simulator.CALLBACK_URI + "?code=1&state=2")
        self.fails(Code.STATE_MISMATCH, FitbitClient.OAuth2_step_two, **nobodys)
        self.assertEqual(simulator.requests("exchange"), 1)

    def test_a_web_session_carries_a_login_and_binds_it_to_its_browser(self):
        web_session = {}
        address = FitbitClient.OAuth2_step_one(**simulator.FITBIT, session=web_session)
        redirect = dict(simulator.FITBIT, redirect_uri=simulator.visit(address))
        step_two = FitbitClient.OAuth2_step_two
        self.fails(Code.STATE_MISMATCH, step_two, **redirect)
        self.fails(Code.STATE_MISMATCH, step_two, **redirect, session={})
        self.assertIn("user", step_two(**redirect, session=copy.deepcopy(web_session)).get_profile())
        # The same code again: the provider says no, but the session is used up.
        self.fails(Code.AUTHORIZATION, step_two, **redirect, session=web_session)
        self.assertEqual(web_session, {})

    def test_one_call_logs_in_and_a_token_file_needs_none(self):
        def open_browser(address):
            browser = threading.Thread(target=lambda: simulator.opened(simulator.visit(address)))
            browser.start()
            self.addCleanup(browser.join)

        app = dict(simulator.GOOGLE, callback_uri="http://127.0.0.1:0/callback")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "login.json"
            client = FitbitClient.login(**app, token_file=path, open=open_browser)
            user_id = client.user_id()
            again = FitbitClient.login(**app, token_file=path, open=self.fail)
            self.assertEqual(again.user_id(), user_id)
            again.refresh_token()
            self.assertIn(again.token["access_token"], path.read_text())
        self.assertEqual(simulator.requests("exchange"), 1)

    def test_a_browser_that_cannot_be_opened_is_what_the_login_raises(self):
        app = dict(simulator.GOOGLE, callback_uri="http://127.0.0.1:0/callback")
        self.fails(Code.AUTHORIZATION, FitbitClient.login, **app, open=lambda address: False)
        with self.assertRaises(ZeroDivisionError):
            FitbitClient.login(**app, open=lambda address: 1 / 0)


class Errors(Test):
    def test_an_error_says_what_to_do_next(self):
        client = client_of(simulator.token(scopes=["profile"]))
        missing = self.fails(Code.HTTP, client.get, "/none.json")
        self.assertEqual((missing.http_status, missing.retry_after), (404, None))
        self.assertTrue(missing.body)
        self.assertEqual(str(missing), missing.message)
        with self.assertRaises(InsufficientScope):
            client.get_sleep_by_date("2026-01-05")
        address = FitbitClient.OAuth2_step_one(**simulator.FITBIT)
        back = simulator.visit(address, "deny")
        step_two = FitbitClient.OAuth2_step_two
        self.fails(Code.ACCESS_DENIED, step_two, **simulator.FITBIT, redirect_uri=back)
        wrong = dict(simulator.FITBIT, client_secret="wrong")
        back = simulator.visit(FitbitClient.OAuth2_step_one(**wrong))
        self.fails(Code.INVALID_CLIENT, step_two, **wrong, redirect_uri=back)
        simulator.turn("revoke", user_id="26FWFL")
        self.fails(Code.REAUTHORIZE, client.get_profile)
        self.fails(Code.INVALID_ARGUMENT, client_of, token={})

    def test_an_error_survives_being_sent_to_another_process(self):
        simulator.fault("api", "status_429_reset", seconds=30)
        error = self.fails(Code.RATE_LIMITED, client_of().get_profile)
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual(
            (type(again), again.retry_after, str(again)), (type(error), 31, str(error))
        )

    def test_a_code_of_a_later_version_is_taken_for_http(self):
        self.assertEqual(Code(31), Code.HTTP)

    def test_what_c_would_cut_short_is_refused(self):
        with self.assertRaises(ValueError):
            client_of().get("/1/user/-/profile.json\0/other")
        for timeout in 0, -1, 2**32:
            with self.assertRaises(ValueError):
                client_of(timeout=timeout)
        with self.assertRaises(ValueError):
            client_of(provider="strava")

    def test_a_closed_client_refuses_and_may_be_closed_again(self):
        with client_of() as client:
            client.get_profile()
        client.close()
        self.fails(Code.INVALID_ARGUMENT, client.get_profile)


class Store:
    """Saves tokens, or cannot."""

    class IsFull(Exception):
        pass

    def __init__(self):
        self.saved = []
        self.is_full = False

    def save(self, token):
        if self.is_full:
            raise self.IsFull
        self.saved.append(token)


class Tokens(Test):
    def run_program(self, program):
        ended = subprocess.run(
            [sys.executable, "-c", program], cwd=pathlib.Path(__file__).parent, text=True,
            capture_output=True,
        )
        return ended.stdout, ended.stderr

    def test_what_the_callback_raises_is_raised_and_the_token_kept(self):
        store = Store()
        client = client_of(save=store.save)
        store.is_full = True
        with self.assertRaises(Store.IsFull) as caught:
            client.refresh_token()
        self.assertEqual(caught.exception.__cause__.code, Code.STORE)
        with self.assertRaises(Store.IsFull) as caught:
            client.get(PROFILE)
        self.assertIn("user", caught.exception.fitbit_result)
        unsaved = client.token
        store.is_full = False
        self.assertIn("user", client.get(PROFILE))
        self.assertEqual(store.saved, [unsaved])
        self.assertEqual(simulator.requests("refresh"), 1)

    def test_a_login_whose_first_token_could_not_be_saved_is_not_lost(self):
        store = Store()
        store.is_full = True
        back = simulator.visit(FitbitClient.OAuth2_step_one(**simulator.FITBIT))
        with self.assertRaises(Store.IsFull) as caught:
            FitbitClient.OAuth2_step_two(
                **simulator.FITBIT, redirect_uri=back, new_token_callback=store.save
            )
        store.is_full = False
        client = caught.exception.fitbit_result
        client.save()
        self.assertEqual(store.saved, [client.token])

    def test_an_unsaved_token_is_offered_once_more_when_its_client_goes(self):
        store = Store()
        client = client_of(save=store.save)
        store.is_full = True
        with self.assertRaises(Store.IsFull):
            client.refresh_token()
        unsaved = client.token
        store.is_full = False
        del client
        self.assertEqual(store.saved, [unsaved])

    def test_a_client_that_its_own_callback_refers_to_goes_too(self):
        class Program:
            def save(self, token):
                self.token = token

        program = Program()
        program.client = client_of(save=program.save)
        gc.collect()
        with counted() as made:
            del program
            gc.collect()
        self.assertEqual(made["fitbit_free"], 1)

    def test_an_unsaved_token_is_offered_once_more_when_the_program_ends(self):
        program = """
import simulator
from fitbit_api import FitbitClient
tries = []
def save(token):
    tries.append(token)
    if len(tries) == 1:
        raise OSError("the disk is full")
    print("saved", token["access_token"] == tries[0]["access_token"])
client = FitbitClient.create_using_token(
    simulator.token(), **simulator.FITBIT, new_token_callback=save)
try:
    client.refresh_token()
except OSError as error:
    print(error)
"""
        self.assertEqual(self.run_program(program), ("the disk is full\nsaved True\n", ""))

    def test_a_renewal_of_a_daemon_thread_is_saved_before_the_program_ends(self):
        program = """
import contextlib, threading
import simulator
from fitbit_api import FitbitClient, FitbitError
def save(token):
    print("saved", token["access_token"] == client.token["access_token"])
client = FitbitClient.create_using_token(
    simulator.token(), **simulator.FITBIT, new_token_callback=save)
simulator.fault("refresh", "latency", ms=1000)
def refresh():
    with contextlib.suppress(FitbitError):  # it is cancelled, but only after the token was saved
        client.refresh_token()
threading.Thread(target=refresh, daemon=True).start()
while simulator.requests("refresh") == 0:
    pass
"""
        # What a daemon thread says while the interpreter ends is the interpreter's business.
        self.assertEqual(self.run_program(program)[0], "saved True\n")

    def test_calls_of_daemon_threads_do_not_hold_the_program_up(self):
        program = """
import contextlib, threading
import simulator
from fitbit_api import FitbitClient, FitbitError
client = FitbitClient.create_using_token(simulator.token(), **simulator.FITBIT, timeout=300)
simulator.fault("api", "stall")
def ask():
    while True:
        with contextlib.suppress(FitbitError):
            client.get_profile()
threading.Thread(target=ask, daemon=True).start()
while simulator.requests("api") == 0:
    pass
print("ends")
"""
        began = time.monotonic()
        self.assertEqual(self.run_program(program)[0], "ends\n")
        self.assertLess(time.monotonic() - began, 100)

    def test_a_callback_may_read_its_token_but_not_wait_for_itself(self):
        seen = []

        def save(token):
            seen.append(client.token == token)
            seen.append(self.fails(Code.INVALID_ARGUMENT, client.get_profile))
            seen.append(client_of().get_profile()["user"] is not None)  # others may be asked

        client = client_of(save=save)
        client.refresh_token()
        self.assertEqual((seen[0], seen[2]), (True, True))


class Threads(Test):
    def test_sixteen_threads_share_one_renewal(self):
        saved, profiles = [], []
        client = client_of(save=saved.append)
        simulator.turn("expire")
        together = threading.Barrier(16)

        def ask():
            together.wait()
            profiles.append(client.get_profile())

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(profiles), 16)
        self.assertEqual((len(saved), simulator.requests("refresh")), (1, 1))

    def test_a_client_that_is_closed_under_way_goes_when_the_last_call_has_ended(self):
        client = client_of()
        simulator.fault("api", "stall")
        errors = []

        def ask():
            try:
                client.get_profile()
            except FitbitError as error:
                errors.append(error.code)

        with counted() as made:
            thread = threading.Thread(target=ask)
            thread.start()
            while simulator.requests("api") == 0:
                pass
            client.close()
            self.assertEqual(made["fitbit_free"], 0)
            client.cancel()
            thread.join()
        self.assertEqual((errors, made["fitbit_free"]), ([Code.CANCELLED], 1))


@contextlib.contextmanager
def counted():
    """Counts what the library hands out, by what frees it, and what is freed."""
    frees = {
        "fitbit_app_new": "fitbit_app_free", "fitbit_request": "fitbit_response_free",
        "fitbit_next_page": "fitbit_response_free", "fitbit_step_one": "fitbit_string_free",
        "fitbit_token": "fitbit_string_free", "fitbit_user_id": "fitbit_string_free",
        "fitbit_step_two": "fitbit_free", "fitbit_from_token": "fitbit_free",
        "fitbit_from_file": "fitbit_free", "fitbit_login": "fitbit_free",
        "fitbit_dup": "fitbit_free", "fitbit_app_dup": "fitbit_app_free",
    }
    made = dict.fromkeys([*frees.values(), "fitbit_error_free"], 0)
    made.update({f"{name} due": 0 for name in made})

    def counting(name, function):
        def call(*arguments):
            result = function(*arguments)
            if name in made:
                made[name] += 1
            for argument in arguments:
                out = getattr(argument, "_obj", None)  # of byref()
                if name in frees and isinstance(out, ctypes.c_void_p) and out.value:
                    made[f"{frees[name]} due"] += 1
            if library.FUNCTIONS[name][0] is ctypes.c_void_p and name != "fitbit_response_body":
                made["fitbit_error_free due"] += bool(result)
            return result

        return call

    with contextlib.ExitStack() as patches:
        for name in library.FUNCTIONS:
            call = counting(name, getattr(library.lib, name))
            patches.enter_context(unittest.mock.patch.object(library.lib, name, call))
        yield made


class TheLibrary(Test):
    def test_everything_that_it_hands_out_is_freed(self):
        gc.collect()
        with counted() as made:
            app = dict(simulator.FITBIT, timeout=29)  # of its own
            address = FitbitClient.OAuth2_step_one(**app)
            client = FitbitClient.OAuth2_step_two(**app, redirect_uri=simulator.visit(address))
            client.get_profile()
            self.fails(Code.HTTP, client.get, "/none.json")
            self.assertEqual(client.user_id(), client.token["user_id"])
            list_of_sleep = "/1.2/user/-/sleep/list.json?afterDate=2026-01-01&sort=asc&offset=0"
            self.assertGreater(len(list(client.pages(list_of_sleep, {"limit": 100}))), 1)
            client_of(client.token).close()
            self.fails(Code.INVALID_ARGUMENT, client_of, token={"nothing": 1})
            store = Store()
            store.is_full = True
            other = client_of(save=store.save)
            with self.assertRaises(Store.IsFull):
                other.refresh_token()
            store.is_full = False
            del client, other
            gc.collect()
        freed = {name: count for name, count in made.items() if not name.endswith(" due")}
        self.assertEqual(freed, {name: made[f"{name} due"] for name in freed})
        self.assertTrue(all(freed.values()), freed)

    def test_ctypes_knows_its_functions_as_the_header_declares_them(self):
        header = pathlib.Path(__file__).parents[2] / "include" / "fitbit.h"
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        kinds = {
            ctypes.c_bool: "bool", ctypes.c_int64: "int64_t", ctypes.c_uint16: "uint16_t",
            ctypes.c_uint32: "uint32_t", ctypes.c_size_t: "size_t",
        }

        def fits(kind, declared):
            if kind in kinds:
                return declared == kinds[kind]
            if kind is None:
                return declared == "void"
            if kind is ctypes.c_int:
                return declared in ("FitbitProvider", "FitbitEndpoint", "FitbitErrorCode")
            if kind is library.Callback:
                return declared in ("FitbitTokenCallback", "FitbitOpenCallback")
            if kind is library._OUT:
                return declared.endswith("**")
            if kind is ctypes.c_char_p:
                return declared in ("const char *", "const void *")
            return declared.endswith("*") and not declared.endswith("**")

        for name, (result, *arguments) in library.FUNCTIONS.items():
            found = re.search(rf"([\w *]+?)\b{name}\((.*?)\);", text, re.DOTALL)
            self.assertIsNotNone(found, name)
            declared = [re.sub(r"\w+$", "", one.strip()).strip() for one in found[2].split(",")]
            declared = [] if found[2] == "void" else declared
            self.assertEqual(len(declared), len(arguments), name)
            returned = found[1].replace("FITBIT_MUST_USE", "").strip()
            for kind, one in zip([result, *arguments], [returned, *declared]):
                self.assertTrue(fits(kind, " ".join(one.split())), f"{name}: {one}")

    def test_a_library_that_is_not_there_is_named(self):
        for path, said in (os.devnull, "is no libfitbit"), ("/no/such.so", "/no/such.so"):
            with unittest.mock.patch.dict(os.environ, FITBIT_LIBRARY=path):
                with self.assertRaisesRegex(ImportError, said):
                    library._load()
