"""One person's login: made in two steps, in one, or of a saved token; then requests as that person."""

import atexit
import json
import sys
import threading
import weakref
from collections import OrderedDict
from ctypes import byref, c_void_p, string_at
from urllib.parse import parse_qs, urlencode, urlsplit

from . import calls
from .app import app, shut_down
from .exceptions import Code, FitbitError
from .library import RateLimit, c_text, check, lib, milliseconds, taken
from .methods import Methods


class _Pending:
    """The logins that began in this process and are not over. A crowd pushes the oldest out."""

    MOST = 10_000

    def __init__(self):
        self._lock = threading.Lock()
        self._sessions = OrderedDict()

    def __setitem__(self, state, session):
        with self._lock:
            self._sessions[state] = session
            while len(self._sessions) > self.MOST:
                self._sessions.popitem(last=False)

    def pop(self, state, default):
        with self._lock:
            return self._sessions.pop(state, default)


_pending = _Pending()


def _state(uri):
    """Where a login's session is kept. A redirect URI may also be only its query."""
    query = urlsplit(uri).query or uri.partition("#")[0]
    return "fitbit_login_" + parse_qs(query).get("state", [""])[0]


def _token(token_json):
    """As the original's programs know a token: a dictionary with a list of scopes."""
    token = json.loads(token_json)
    if isinstance(token.get("scope"), str):
        token["scope"] = token["scope"].split()
    if "expires_at" in token:
        token["expires_at"] = float(token["expires_at"])
    return token


_alive = weakref.WeakSet()

# How long callbacks may take when the program ends, beside the library's own time.
_SECONDS_FOR_CALLBACKS = 10


@atexit.register
def _end():
    """Daemon threads are still in calls. Those are ended, and then all clients are closed, while the
    interpreter can still run their callbacks."""
    longest = shut_down() + _SECONDS_FOR_CALLBACKS
    calls.join(longest)
    _close_all()
    calls.join(longest)  # those that began meanwhile; no later one can begin


def _close_all():
    for client in list(_alive):
        try:
            client.close()
        except BaseException:
            sys.excepthook(*sys.exc_info())


class _Handle:
    """The library's client. It is freed when it is closed and no thread is in a call with it."""

    KIND = "fitbit"  # of the C functions that take it

    def __init__(self, pointer, receiver):
        self._pointer = pointer
        self.receiver = receiver
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False

    def __enter__(self):
        with self._lock:
            if self._closed:
                raise FitbitError(Code.INVALID_ARGUMENT, "the client is closed")
            self._users += 1
        return self._pointer

    def __exit__(self, *_):
        with self._lock:
            self._users -= 1
            last = self._closed and self._users == 0
        if last:
            self._free()

    def close(self):
        with self._lock:
            last = not self._closed and self._users == 0
            self._closed = True
        if last:
            self._free()

    def _free(self):
        calls.run_here(lambda: lib.fitbit_free(self._pointer))


class Response:
    """What the API answered, with the names that requests gives such things."""

    ok = True  # anything else is a FitbitError

    def __init__(self, pointer):
        self.pointer = pointer
        self.status_code = lib.fitbit_response_status(pointer)
        body = lib.fitbit_response_body(pointer)
        self.content = string_at(body, lib.fitbit_response_body_len(pointer))

    def __del__(self):
        lib.fitbit_response_free(self.pointer)

    @property
    def text(self):
        return self.content.decode(errors="replace")

    @property
    def headers(self):
        return self

    def get(self, name, default=None):
        """headers.get("...")"""
        value = lib.fitbit_response_header(self.pointer, c_text(name))
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, name):
        """headers["..."]"""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def json(self):
        return json.loads(self.content)

    def parsed(self):
        """JSON as what it says, anything else as text, nothing as None."""
        if "json" in self.get("Content-Type", ""):
            return self.json()
        return self.text or None


class FitbitClient(Methods):
    """A person's login. It renews its token by itself; any number of threads may use it at once.

    The keyword arguments that are called `settings` here are those of app(): provider, scope,
    timeout, rate_limit_wait, endpoints.

    new_token_callback takes every new token, a dictionary, the first one too, in the thread whose call
    brought it. It raises if it could not save the token, whatever it may be: that call raises the
    same, and the client keeps the token, uses it, and offers it again before each later request and
    when it is closed. Inside it, its own client's requests are refused.

    Ctrl-C ends the call that the main thread is in, and raises KeyboardInterrupt there. If that call
    has already sent a login, or a renewal with a single-use refresh token (Fitbit), the new token is
    received and saved first. A renewal at Google ends at once and loses nothing: the next call within
    30 seconds reads the response. The client can be used again. The calls of other threads go on;
    cancel() ends them.
    """

    # --- logging in -------------------------------------------------------------------------------

    @classmethod
    def OAuth2_step_one(
        cls, client_id, callback_uri=None, scope=None, *,
        redirect_uri=None, client_secret=None, session=None, **settings,
    ):
        """The address where the person grants access.

        redirect_uri  another name of callback_uri
        session       where the login's secrets wait for step two: a dictionary of the person's web
                      session, which the server keeps. Without it that is this process, so step two
                      has to be called there, and nothing binds the login to the browser that began it:
                      right for one person's program, not for a web server.
        """
        its_app = app(client_id, client_secret, callback_uri or redirect_uri, scope=scope, **settings)
        address, secrets = its_app.step_one()
        (_pending if session is None else session)[_state(address)] = secrets
        return address

    @classmethod
    def OAuth2_step_two(
        cls, client_id, client_secret, callback_uri, redirect_uri, scope=None,
        new_token_callback=None, *, session=None, **settings,
    ):
        """The client of the person who was sent back to redirect_uri, which is that whole address.

        session  what step one was given. A login's secrets are taken out of it, and serve once.
        """
        its_app = app(client_id, client_secret, callback_uri, scope=scope, **settings)
        secrets = (_pending if session is None else session).pop(_state(redirect_uri), None)
        if secrets is None:
            raise FitbitError(Code.STATE_MISMATCH, "the redirect belongs to no login that began here")
        arguments = c_text(secrets), c_text(redirect_uri)
        return cls._made(
            its_app, new_token_callback,
            lambda its_own, *rest: lib.fitbit_step_two(its_own, *arguments, *rest),
        )

    @classmethod
    def create_using_token(
        cls, token, client_id, client_secret=None, callback_uri=None, scope=None,
        new_token_callback=None, **settings,
    ):
        """The client of a saved token, a dictionary (or its JSON). Nobody has to log in."""
        its_app = app(client_id, client_secret, callback_uri, scope=scope, **settings)
        argument = c_text(token if isinstance(token, str) else json.dumps(token))
        return cls._made(
            its_app, new_token_callback,
            lambda its_own, *rest: lib.fitbit_from_token(its_own, argument, *rest),
        )

    @classmethod
    def from_file(cls, path, client_id, client_secret=None, callback_uri=None, **settings):
        """The client of a token file, which takes every later token, and which processes may share.

        FitbitError, REAUTHORIZE: there is no such file.
        """
        its_app = app(client_id, client_secret, callback_uri, **settings)
        argument = c_text(path)
        return cls._made(
            its_app, None,
            lambda its_own, _, __, out: lib.fitbit_from_file(its_own, argument, out),
        )

    @classmethod
    def login(
        cls, client_id, client_secret=None, callback_uri=None, new_token_callback=None, *,
        token_file=None, wait=300, open=None, **settings,
    ):
        """Logs the person at this machine in, in their browser.

        callback_uri  on this machine: http://127.0.0.1:8080/callback; Google allows the port 0
        token_file    keeps the login, in place of new_token_callback: if it is there, nobody has to
                      log in
        wait          how many seconds the person may take
        open          opens the address, in place of the default browser; if it cannot, it raises or
                      returns False
        """
        its_app = app(client_id, client_secret, callback_uri, **settings)
        if token_file is not None:
            try:
                return cls.from_file(token_file, client_id, client_secret, callback_uri, **settings)
            except FitbitError as error:
                if error.code != Code.REAUTHORIZE:
                    raise
        opener = calls.Receiver(open)
        milliseconds_to_wait = milliseconds(wait)
        client = cls._made(
            its_app, new_token_callback,
            lambda its_own, *rest: lib.fitbit_login(
                its_own, milliseconds_to_wait, opener.pointer, None, *rest
            ),
        )
        if token_file is not None:
            try:
                client.set_token_file(token_file)
            except FitbitError as error:
                error.fitbit_result = client  # or the login would be lost with it
                raise
        return client

    @classmethod
    def _made(cls, its_app, new_token_callback, make):
        save = None
        if new_token_callback is not None:
            def save(token_json):
                new_token_callback(_token(token_json))  # saved, whatever it returns

        receiver = calls.Receiver(save)

        def call(its_own):
            out = c_void_p()
            check(make(its_own, receiver.pointer, None, byref(out)))
            return cls(its_app, _Handle(out.value, receiver))

        return calls.run(call, its_app)

    def __init__(self, its_app, handle):
        self._app = its_app
        self._handle = handle
        _alive.add(self)

    # --- requests ---------------------------------------------------------------------------------

    def request(self, method, path, params=None, full_response=False, *, json=None):
        """Sends a request; answers with the JSON that comes back.

        path           such as "/1/user/-/profile.json"
        params         a dictionary: a form if the request has a body, else the query
        json           a body of JSON
        full_response  answers with a Response: status, headers, bytes
        """
        send = self._sending(method.upper(), path, params, json)
        return self._call(send if full_response else lambda client: send(client).parsed())

    def get(self, path, params=None, full_response=False):
        return self.request("GET", path, params, full_response)

    def post(self, path, params=None, full_response=False, *, json=None):
        return self.request("POST", path, params, full_response, json=json)

    def put(self, path, params=None, full_response=False, *, json=None):
        return self.request("PUT", path, params, full_response, json=json)

    def delete(self, path, params=None, full_response=False):
        return self.request("DELETE", path, params, full_response)

    # What the original calls them.
    _request, _get, _post, _put, _delete = request, get, post, put, delete

    def pages(self, path, params=None):
        """The pages of a list, one after the other."""
        page = self._call(self._sending("GET", path, params, None))
        while page is not None:
            yield page.parsed()
            page = self._call(self._answered(lib.fitbit_next_page, page.pointer))

    def _sending(self, method, path, params, body):
        kind = None
        form = urlencode(params or {}, doseq=True)
        if body is not None:
            kind, body = "application/json", json.dumps(body)
        elif method in ("GET", "DELETE", "HEAD"):
            path += ("&" if "?" in path else "?") + form if form else ""
        else:
            kind, body = "application/x-www-form-urlencoded", form
        body = None if body is None else body.encode()
        arguments = c_text(method), c_text(path), c_text(kind), body, len(body or b"")
        return self._answered(lib.fitbit_request, *arguments)

    @staticmethod
    def _answered(function, *arguments):
        def call(client):
            out = c_void_p()
            check(function(client, *arguments, byref(out)))
            return Response(out.value) if out.value else None

        return call

    # --- the login itself -------------------------------------------------------------------------

    @property
    def token(self):
        """The newest token, a dictionary. Never a request."""
        return _token(self._at_once(self._text(lib.fitbit_token)))

    @property
    def rate_limit(self):
        """What the provider last said: limit, remaining, reset_seconds (-1: not that); or None."""
        limit = RateLimit()
        seen = self._at_once(lambda client: lib.fitbit_rate_limit(client, byref(limit)))
        return limit if seen else None

    def user_id(self):
        """The provider's id of the person. Google is asked for it once."""
        return self.token.get("user_id") or self._call(self._text(lib.fitbit_user_id))

    def refresh_token(self):
        """Renews the token now, and answers with it."""

        def refresh(client):
            check(lib.fitbit_refresh(client))
            return _token(self._text(lib.fitbit_token)(client))

        return self._call(refresh)

    def save(self):
        """Offers a token that could not be saved again, now."""
        self._call(lambda client: check(lib.fitbit_save(client)))

    def set_token_file(self, path):
        """From now on the file takes every token, this one too, in place of the callback."""
        argument = c_text(path)
        self._call(lambda client: check(lib.fitbit_set_token_file(client, argument)))

    def set_header(self, name, value):
        """Of this person's requests: Accept-Language chooses Fitbit's units. None: send none."""
        arguments = c_text(name), c_text(value)
        self._at_once(lambda client: check(lib.fitbit_set_header(client, *arguments)))

    def revoke(self):
        """Ends the login at the provider: logs the person out of this program."""
        self._call(lambda client: check(lib.fitbit_revoke(client)))

    def cancel(self):
        """Ends, from any thread, the calls that run now with this client and with all others of the
        same registration: FitbitError, CANCELLED."""
        self._app.cancel()

    def close(self):
        """Ends the client, or does so when the last thread's call has ended. Nothing is sent. If a
        single-use token is on its way, because a call ran out of time, it is waited for, two seconds at
        most, and saved."""
        self._handle.close()

    def __del__(self):
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _text(function):
        def call(client):
            out = c_void_p()
            check(function(client, byref(out)))
            return taken(out)

        return call

    def _call(self, function):
        if self._handle.receiver.is_running_here():
            raise FitbitError(Code.INVALID_ARGUMENT, "the call would wait for the callback it is made in")
        return calls.run(function, self._handle)

    def _at_once(self, function):
        return calls.run_at_once(function, self._handle)
