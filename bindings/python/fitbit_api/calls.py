"""How the library is called: so that Ctrl-C ends a call, and callbacks may raise.

Python runs signal handlers in the main thread, between two of its own instructions: not while that
thread is inside C. So the main thread's calls are made on a thread of their own, with a handle of
their own. The main thread waits. A signal ends its wait, and then that handle is aborted, which ends
this call and no other. The call is over when the library has returned. Callbacks are still run by the
thread that made the call, because much that a program saves tokens with (sqlite3, say) is bound to a
thread.
"""

import _thread
import contextlib
import sys
import threading
import time
from ctypes import byref, c_void_p

from .library import Callback, check, lib

_here = threading.local()  # .call: the one that this thread makes
_running = set()


def join(seconds):
    """Waits until the calls that run now have returned, at most so long. The interpreter does not wait
    for daemon threads: it would end them in the middle of a renewal, and lose the new token."""
    latest = time.monotonic() + seconds
    for call in list(_running):
        call.finished.wait(max(0, latest - time.monotonic()))


class _OwnHandle:
    """One call's own handle. Any thread may abort it at any time: before it is made, and after it is
    gone."""

    def __init__(self, kind):
        self._kind = kind
        self._lock = threading.Lock()
        self._pointer = None
        self._aborted = False

    def _function(self, name):
        return getattr(lib, f"{self._kind}_{name}")

    @contextlib.contextmanager
    def made_of(self, handle):
        out = c_void_p()
        check(self._function("dup")(handle, byref(out)))
        try:
            with self._lock:
                self._pointer = out.value
            if self._aborted:
                self.abort()
            yield out.value
        finally:
            with self._lock:
                self._pointer = None
            self._function("free")(out.value)

    def abort(self):
        with self._lock:
            self._aborted = True
            if self._pointer is not None:
                self._function("abort")(self._pointer)


def _is_main_thread():
    return threading.get_ident() == threading.main_thread().ident


def _start(function):
    try:
        _thread.start_new_thread(function, ())
    except RuntimeError:  # no threads any more: the interpreter is going
        function()
    return True


class _Question:
    """What a callback of the library asks Python code to do."""

    def __init__(self, function, argument):
        self.function = function
        self.argument = argument
        self.begun = self.done = self.over = False
        self.answered = _thread.allocate_lock()
        self.answered.acquire()


def _is_inside(frame, function, name, value):
    """Whether a thread runs this function with this value. What a thread does, no signal can undo, as it
    can a mark that is set and never taken away."""
    while frame is not None:
        if frame.f_code is function.__code__ and frame.f_locals.get(name) is value:
            return True
        frame = frame.f_back
    return False


class _Call:
    """One call. Any instruction of the main thread can be the one that a signal interrupts: so what it
    does here can be begun again, and only the other thread's changes count."""

    def __init__(self, function, abort=None):
        self.function = function
        self.abort = abort
        self.result = self.error = self.raised = self.interrupt = None
        self.question = None
        self.finished = threading.Event()
        self.caller = threading.get_ident()
        self.once = _thread.allocate_lock()
        self.woken = _thread.allocate_lock()
        self.woken.acquire()

    def make(self):
        if not self.once.acquire(False):
            return  # begun already
        previous = getattr(_here, "call", None)
        _here.call = self
        if not _is_main_thread():
            _running.add(self)
        try:
            self.result = self.function()
        except BaseException as error:
            self.error = error
        finally:
            _here.call = previous
            _running.discard(self)
            self.finished.set()
            self._wake()

    def make_elsewhere(self):
        started = False
        aborted = self.abort is None
        while not self.finished.is_set():
            try:
                if not started:
                    started = _start(self.make)
                elif self.question is not None and not self.question.over:
                    self._answer(self.question)
                elif self.interrupt is not None and not aborted:
                    # Not here: a second signal would leave a lock behind.
                    aborted = _start(self.abort)
                else:
                    self.woken.acquire()
            except BaseException as interrupt:
                self.interrupt = self.interrupt or interrupt

    def ask(self, question):
        """Called by a callback, on the thread that is in the library."""
        self.question = question
        if threading.get_ident() != self.caller:
            self._wake()
            while not question.answered.acquire(timeout=0.1) and self._is_waited_for():
                pass
        if not question.begun:
            try:
                self._answer(question)
            except BaseException as interrupt:
                self.interrupt = self.interrupt or interrupt
        return question.done

    def _is_waited_for(self):
        """A second signal may come at a moment that nothing guards. The call then ends by itself, and its
        callbacks run where it is."""
        frame = sys._current_frames().get(self.caller)
        return _is_inside(frame, _Call.make_elsewhere, "self", self)

    def _answer(self, question):
        if not question.begun:
            question.begun = True
            try:
                question.done = question.function(question.argument) is not False
            except Exception as error:
                self.raised = self.raised or error
        if question.answered.locked():
            question.answered.release()
        question.over = True

    def _wake(self):
        if self.woken.locked():
            self.woken.release()

    def outcome(self):
        """Nothing refers to this call any more, so that what it held is freed at once."""
        result, raised = self.result, self.interrupt or self.raised
        error = self.error if self.interrupt is None else None
        self.result = self.error = self.raised = self.interrupt = self.question = None
        try:
            if raised is not None:
                raised.fitbit_result = result
                raise raised from error
            if error is not None:
                raise error
            return result
        finally:
            del self, result, error, raised


def run(function, handle):
    """Makes a call of the library, function(pointer), with an App or a client's handle. Ctrl-C ends it.

    What a callback raised is raised here. The call may have succeeded all the same: what it would
    have returned is the exception's `fitbit_result`.
    """
    if not _is_main_thread():
        return run_here(lambda: _lent(function, handle))
    own = _OwnHandle(handle.KIND)

    def call():
        with handle as pointer, own.made_of(pointer) as its_own:
            return function(its_own)

    return _run_elsewhere(call, own.abort)


def run_at_once(function, handle):
    """The same for a call that waits for nothing, with the handle itself. The main thread does not make
    it either: between the instructions that count a handle's users no signal may come."""
    runs = _run_elsewhere if _is_main_thread() else run_here
    return runs(lambda: _lent(function, handle))


def run_here(function):
    """The same in this thread, which no signal takes out of it."""
    call = _Call(function)
    call.make()
    return call.outcome()


def _run_elsewhere(function, abort=None):
    call = _Call(function, abort)
    call.make_elsewhere()
    return call.outcome()


def _lent(function, handle):
    with handle as pointer:
        return function(pointer)


class Receiver:
    """A Python function as a callback of the library; has to live as long as that may call it."""

    def __init__(self, function=None):
        self._question = None

        def receive(argument, _):
            try:
                self._question = _Question(function, argument.decode())
                return int(_here.call.ask(self._question))
            except BaseException:  # ctypes would return anything
                return 0
            finally:
                self._question = None

        self.pointer = Callback(receive) if function else Callback()

    def is_running_here(self):
        """Whether the function runs on this thread: what waits for it would wait for itself. The
        library only knows the thread that it called back on."""
        question = self._question
        return question is not None and _is_inside(
            sys._getframe(), _Call._answer, "question", question
        )
