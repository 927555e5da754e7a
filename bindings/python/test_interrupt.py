"""Ctrl-C, and whatever else a signal handler raises, ends a call at once and loses no token."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

import fitbit_api
import simulator
from fitbit_api import Code, FitbitClient, FitbitError, calls, library

# The calls here would take 30 seconds by themselves, a login five minutes.
PROMPT = 10


def setUpModule():
    # A shell starts its background jobs with SIGINT ignored, and Python leaves that as it is.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.addModuleCleanup(signal.signal, signal.SIGINT, before)


def press_ctrl_c_when(happened):
    def wait():
        while not happened():
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


class CtrlC(unittest.TestCase):
    def setUp(self):
        simulator.turn("reset")
        self.saved = []
        self.client = FitbitClient.create_using_token(
            simulator.token(), **simulator.FITBIT, new_token_callback=lambda t: self.saved.append(t)
        )

    @contextlib.contextmanager
    def interrupted(self, happened):
        began = time.monotonic()
        thread = press_ctrl_c_when(happened)
        with self.assertRaises(KeyboardInterrupt) as caught:
            yield caught
        thread.join()
        self.assertLess(time.monotonic() - began, PROMPT)

    def test_ends_a_request_and_the_client_lives(self):
        simulator.fault("api", "stall")
        with self.interrupted(lambda: simulator.requests("api") == 1):
            self.client.get_profile()
        self.assertIn("user", self.client.get_profile())

    def test_ends_a_login_that_nobody_answers(self):
        opened = threading.Event()
        app = dict(simulator.GOOGLE, callback_uri="http://127.0.0.1:0/callback")
        with self.interrupted(opened.is_set):
            FitbitClient.login(**app, open=lambda address: opened.set())

    def test_lets_a_renewal_that_was_sent_be_saved_first(self):
        simulator.fault("refresh", "latency", ms=1000)
        before = self.client.token
        with self.interrupted(lambda: simulator.requests("refresh") == 1):
            self.client.refresh_token()
        self.assertEqual(self.saved, [self.client.token])
        self.assertNotEqual(self.saved, [before])
        self.assertIn("user", self.client.get_profile())

    def test_ends_a_renewal_at_google_whose_response_the_next_call_reads(self):
        saved = []
        scopes = ["https://www.googleapis.com/auth/googlehealth.profile.readonly"]
        client = FitbitClient.create_using_token(
            simulator.token(simulator.GOOGLE, scopes), **simulator.GOOGLE, new_token_callback=saved.append
        )
        before = client.token
        simulator.fault("refresh", "latency", ms=3000)
        with self.interrupted(lambda: simulator.requests("refresh") == 1):
            client.refresh_token()
        self.assertEqual((saved, client.token), ([], before))
        client.refresh_token()
        self.assertEqual(saved, [client.token])
        self.assertNotEqual(client.token["access_token"], before["access_token"])
        self.assertEqual(simulator.requests("refresh"), 1)

    def test_lets_a_login_that_was_sent_be_saved_first(self):
        simulator.fault("exchange", "latency", ms=1000)
        saved = []
        back = simulator.visit(FitbitClient.OAuth2_step_one(**simulator.FITBIT))
        with self.interrupted(lambda: simulator.requests("exchange") == 1) as caught:
            FitbitClient.OAuth2_step_two(
                **simulator.FITBIT, redirect_uri=back, new_token_callback=saved.append
            )
        self.assertEqual([caught.exception.fitbit_result.token], saved)

    def test_in_the_callback_leaves_the_token_unsaved_and_kept(self):
        in_callback = threading.Event()

        def save(token):
            if not in_callback.is_set():
                in_callback.set()
                time.sleep(PROMPT)
            self.saved.append(token)

        client = FitbitClient.create_using_token(
            simulator.token(), **simulator.FITBIT, new_token_callback=save
        )
        with self.interrupted(in_callback.is_set):
            client.refresh_token()
        self.assertEqual(self.saved, [])
        client.save()
        self.assertEqual(self.saved, [client.token])

    def test_leaves_the_calls_of_other_threads_alone(self):
        simulator.fault("api", "latency", ms=3000, times=2)
        profiles = []
        thread = threading.Thread(target=lambda: profiles.append(self.client.get_profile()))
        thread.start()
        with self.interrupted(lambda: simulator.requests("api") == 2):
            self.client.get_profile()
        thread.join()
        self.assertIn("user", profiles[0])

    def test_ends_a_wait_for_the_renewal_of_another_thread(self):
        simulator.fault("refresh", "latency", ms=5000)
        thread = threading.Thread(target=self.client.refresh_token)
        thread.start()
        while simulator.requests("refresh") == 0:
            time.sleep(0.01)
        with self.interrupted(lambda: True):
            self.client.refresh_token()
        self.assertTrue(thread.is_alive())
        thread.join()
        self.assertEqual(self.saved, [self.client.token])
        self.assertEqual(simulator.requests("refresh"), 1)

    def test_ends_a_wait_for_a_rate_limit(self):
        patient = FitbitClient.create_using_token(
            simulator.token(), **simulator.FITBIT, rate_limit_wait=300
        )
        simulator.fault("api", "status_429_reset", seconds=200)
        with self.interrupted(lambda: simulator.requests("api") == 1):
            patient.get_profile()
        self.assertIn("user", patient.get_profile())

    def test_aborts_the_call_once_and_a_handle_of_its_own(self):
        simulator.fault("api", "stall")
        made, aborted = [], []

        def dup(client, out):
            error = fitbit_dup(client, out)
            made.append(out._obj.value)
            return error

        def abort(client):
            aborted.append(client)
            fitbit_abort(client)

        fitbit_dup, fitbit_abort = library.lib.fitbit_dup, library.lib.fitbit_abort
        with mock.patch.multiple(library.lib, fitbit_dup=dup, fitbit_abort=abort):
            thread = threading.Thread(target=self.client.refresh_token)
            thread.start()
            thread.join()
            self.assertEqual(made, [])  # nobody interrupts it
            with self.interrupted(lambda: simulator.requests("api") == 1):
                self.client.get_profile()
        self.assertEqual(len(made), 1)
        self.assertEqual(aborted, made)

    def test_ends_a_call_that_has_no_handle_yet(self):
        own = calls._OwnHandle("fitbit")
        own.abort()
        with self.client._handle as pointer, own.made_of(pointer) as its_own:
            with self.assertRaises(FitbitError) as caught:
                library.check(library.lib.fitbit_refresh(its_own))
        self.assertEqual(caught.exception.code, Code.CANCELLED)
        own.abort()  # and one that has none any more
        self.assertEqual(simulator.requests("refresh"), 0)

    def test_ends_a_program(self):
        program = (
            "import simulator\n"
            "from fitbit_api import FitbitClient\n"
            "token = simulator.token()\n"
            "FitbitClient.create_using_token(token, **simulator.FITBIT).get_profile()\n"
        )
        simulator.fault("api", "stall")
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=pathlib.Path(__file__).parent, text=True,
            stderr=subprocess.PIPE,
        ) as running:
            while simulator.requests("api") == 0:
                time.sleep(0.01)
            running.send_signal(signal.SIGINT)
            said = running.communicate()[1]
        self.assertLess(time.monotonic() - began, PROMPT)
        self.assertEqual(running.returncode, -signal.SIGINT)
        self.assertTrue(said.rstrip().endswith("KeyboardInterrupt"), said)


class AnyMoment(unittest.TestCase):
    """A signal's exception may come between any two instructions of this package."""

    class Alarm(Exception):
        pass

    def ring(self, _, frame):
        while frame is not None:
            if os.path.dirname(frame.f_code.co_filename) == os.path.dirname(fitbit_api.__file__):
                raise self.Alarm
            frame = frame.f_back

    def setUp(self):
        simulator.turn("reset")
        self.saved = []
        self.client = FitbitClient.create_using_token(
            simulator.token(), **simulator.FITBIT, new_token_callback=self.saved.append
        )
        before = signal.signal(signal.SIGALRM, self.ring)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def stormed(self, interval):
        ended = {"rung": 0, "not rung": 0}
        for round in range(400):
            signal.setitimer(signal.ITIMER_REAL, 0.00002 * (1 + round % 200), interval)
            try:
                if round % 10 == 0:
                    self.client.refresh_token()
                else:
                    self.client.get_profile()
                ended["not rung"] += 1
            except self.Alarm:
                ended["rung"] += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertTrue(all(ended.values()), ended)
        while self.client._handle._users > 0:
            time.sleep(0.01)
        self.client.save()
        self.assertEqual(self.saved[-1], self.client.token)
        self.assertIn("user", self.client.get_profile())

    def test_leaves_nothing_hanging(self):
        self.stormed(interval=0)

    def test_leaves_nothing_hanging_where_signals_come_in_storms(self):
        self.stormed(interval=0.0003)
