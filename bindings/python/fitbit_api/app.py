"""The registered application. Clients of the same registration share one, and its connections."""

import os
import threading
import weakref
from ctypes import byref, c_void_p

from .exceptions import Code, FitbitError
from .library import c_text, check, lib, milliseconds, taken

PROVIDERS = {"fitbit": 1, "google": 2}
ENDPOINTS = ("authorize", "token", "revoke", "api")  # in the order of FitbitEndpoint

_SIMULATED = {
    "fitbit": ("/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""),
    "google": ("/o/oauth2/v2/auth", "/token", "/revoke", ""),
}

_shared = weakref.WeakValueDictionary()
_lock = threading.RLock()
_ending = []


def app(
    client_id, client_secret, callback_uri, *,
    provider="fitbit", scope=None, timeout=30, rate_limit_wait=0, endpoints=None,
):
    """The application of this registration and these settings, made when it is first asked for.

    provider         "fitbit", or "google" for Google Health
    scope            a list, or a text with spaces; None: everything that can be read
    timeout          seconds that one call may take as a whole
    rate_limit_wait  seconds that it may wait, beside that, for a rate limit
    endpoints        {"authorize": ..., "token": ..., "revoke": ..., "api": ...}, or some of them, for
                     tests; FITBIT_SIMULATOR in the environment is where the simulator stands in for all
    """
    if provider not in PROVIDERS:
        raise ValueError(f"provider is one of {', '.join(PROVIDERS)}")
    if endpoints is None:
        simulator = os.environ.get("FITBIT_SIMULATOR")
        paths = _SIMULATED[provider] if simulator else ()
        endpoints = {name: simulator + path for name, path in zip(ENDPOINTS, paths)}
    if not isinstance(scope, (str, type(None))):
        scope = " ".join(scope)
    key = (
        provider, client_id, client_secret, callback_uri, scope, timeout, rate_limit_wait,
        tuple(sorted(endpoints.items())),
    )
    with _lock:
        if _ending and threading.get_ident() != threading.main_thread().ident:
            raise FitbitError(Code.CANCELLED, "the program is ending")
        made = _shared.get(key)
        if made is None:
            made = _shared[key] = App(*key)
        return made


def shut_down():
    """Ends all calls, those that begin later too. A login that was already sent goes on, and so does a
    renewal with a single-use refresh token; this gives the longest time that it may take, in seconds."""
    with _lock:
        _ending.append(True)
        apps = list(_shared.values())
        _shared.clear()
    for one in apps:
        lib.fitbit_app_shutdown(one.pointer)
    return max((one.timeout for one in apps), default=0)


class App:
    KIND = "fitbit_app"  # of the C functions that take it

    def __init__(
        self, provider, client_id, client_secret, callback_uri, scope, timeout, rate_limit_wait,
        endpoints,
    ):
        texts = (c_text(text) for text in (client_id, client_secret, callback_uri))
        out = c_void_p()
        check(lib.fitbit_app_new(PROVIDERS[provider], *texts, byref(out)))
        self.pointer = out.value
        self.timeout = timeout
        # Not when the interpreter ends: its daemon threads may still be in a call.
        weakref.finalize(self, lib.fitbit_app_free, self.pointer).atexit = False
        check(lib.fitbit_app_set_timeout_ms(self.pointer, milliseconds(timeout)))
        wait = milliseconds(rate_limit_wait) // 1000 if rate_limit_wait else 0
        check(lib.fitbit_app_set_rate_limit_wait(self.pointer, wait))
        if scope is not None:
            check(lib.fitbit_app_set_scopes(self.pointer, c_text(scope)))
        for name, uri in endpoints:
            if name not in ENDPOINTS:
                raise ValueError(f"endpoints are {', '.join(ENDPOINTS)}")
            check(lib.fitbit_app_set_endpoint(self.pointer, ENDPOINTS.index(name), c_text(uri)))

    def step_one(self):
        """The address, and the session that step two needs."""
        address, session = c_void_p(), c_void_p()
        check(lib.fitbit_step_one(self.pointer, None, byref(address), byref(session)))
        return taken(address), taken(session)

    def __enter__(self):
        return self.pointer

    def __exit__(self, *_):
        pass

    def cancel(self):
        lib.fitbit_app_cancel(self.pointer)
