"""How the library is called: so that Ctrl-C ends a call, and callbacks may raise.

Python runs signal handlers in the main thread, between two of its own instructions: not while that
thread is inside C. So the main thread's calls are made on a thread of their own, and the main thread
waits for it, which a signal ends. Callbacks are still run by the thread that made the call, because
much that a program saves tokens with (sqlite3, say) is bound to a thread.
"""

import _thread
import sys
import threading
import time

from .exceptions import Code, FitbitError
from .library import Callback

_here = threading.local()  # .call: the one that this thread makes
_running = set()
_ending = []


def end():
    """Called when the program ends. The interpreter does not wait for daemon threads: it would end them in
    the middle of a renewal, and the new token, which they alone have, would be lost."""
    _ending.append(True)
    pause = 0.01
    while _running and pause < 30:
        for call in list(_running):
            call.cancel()
        time.sleep(pause)
        pause *= 2


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

    def __init__(self, function, cancel=None):
        self.function = function
        self.waits = cancel is not None
        self.cancel = cancel or (lambda: None)
        self.result = self.error = self.raised = self.interrupt = None
        self.question = None
        self.ended = False
        self.caller = threading.get_ident()
        self.once = _thread.allocate_lock()
        self.woken = _thread.allocate_lock()
        self.woken.acquire()

    def is_of_main_thread(self):
        return self.caller == threading.main_thread().ident

    def make(self):
        if not self.once.acquire(False):
            return  # begun already
        previous = getattr(_here, "call", None)
        _here.call = self
        _running.add(self)
        try:
            if _ending and self.waits and previous is None and not self.is_of_main_thread():
                raise FitbitError(Code.CANCELLED, "the program is ending")
            self.result = self.function()
        except BaseException as error:
            self.error = error
        finally:
            _here.call = previous
            _running.discard(self)
            self.ended = True
            self._wake()

    def make_elsewhere(self):
        started = False
        pause = 0
        while not self.ended:
            try:
                if not started:
                    started = self._start()
                elif self.question is not None and not self.question.over:
                    self._answer(self.question)
                elif self.interrupt is None:
                    self.woken.acquire()
                elif not self.woken.acquire(timeout=pause):
                    # Again and again: it may not have begun in the library when it was cancelled.
                    pause = 2 * pause or 0.01
                    self.cancel()
            except BaseException as interrupt:
                self.interrupt = self.interrupt or interrupt

    def _start(self):
        try:
            _thread.start_new_thread(self.make, ())
        except RuntimeError:  # no threads any more: the interpreter is going
            self.make()
        return True

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


def run(function, cancel=None):
    """Makes a call of the library; `cancel` ends it from another thread, where it may have to wait.

    What a callback raised is raised here. The call may have succeeded all the same: what it would
    have returned is the exception's `fitbit_result`.
    """
    call = _Call(function, cancel)
    if call.is_of_main_thread():
        call.make_elsewhere()
    else:
        call.make()
    return call.outcome()


def run_here(function):
    """The same without another thread, for a call that waits for nothing but its callbacks."""
    call = _Call(function)
    call.make()
    return call.outcome()


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
