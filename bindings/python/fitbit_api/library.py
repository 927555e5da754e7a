"""libfitbit itself: found, loaded and described to ctypes. What each function does: fitbit.h.

Nothing else in this package knows pointers of C, but for handing them from one of these functions
to another.
"""

import ctypes
import ctypes.util
import os
import pathlib
import sys
from ctypes import c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32
from ctypes import c_void_p

from .exceptions import KINDS, Code, FitbitError


class RateLimit(ctypes.Structure):
    _fields_ = [("limit", c_int32), ("remaining", c_int32), ("reset_seconds", c_int32)]


# FitbitTokenCallback and FitbitOpenCallback: a text comes in, 1 goes out for "done".
Callback = ctypes.CFUNCTYPE(c_int, c_char_p, c_void_p)

_OUT = ctypes.POINTER(c_void_p)
# A FitbitError *, which check() turns into an exception.
_ERROR = c_void_p

FUNCTIONS = {
    "fitbit_app_new": (_ERROR, c_int, c_char_p, c_char_p, c_char_p, _OUT),
    "fitbit_app_set_scopes": (_ERROR, c_void_p, c_char_p),
    "fitbit_app_set_endpoint": (_ERROR, c_void_p, c_int, c_char_p),
    "fitbit_app_set_timeout_ms": (_ERROR, c_void_p, c_uint32),
    "fitbit_app_set_rate_limit_wait": (_ERROR, c_void_p, c_uint32),
    "fitbit_app_dup": (_ERROR, c_void_p, _OUT),
    "fitbit_app_cancel": (None, c_void_p),
    "fitbit_app_abort": (None, c_void_p),
    "fitbit_app_shutdown": (None, c_void_p),
    "fitbit_app_free": (None, c_void_p),
    "fitbit_step_one": (_ERROR, c_void_p, c_char_p, _OUT, _OUT),
    "fitbit_step_two": (_ERROR, c_void_p, c_char_p, c_char_p, Callback, c_void_p, _OUT),
    "fitbit_login": (_ERROR, c_void_p, c_uint32, Callback, c_void_p, Callback, c_void_p, _OUT),
    "fitbit_from_token": (_ERROR, c_void_p, c_char_p, Callback, c_void_p, _OUT),
    "fitbit_from_file": (_ERROR, c_void_p, c_char_p, _OUT),
    "fitbit_request": (
        _ERROR, c_void_p, c_char_p, c_char_p, c_char_p, c_char_p, c_size_t, _OUT,
    ),
    "fitbit_next_page": (_ERROR, c_void_p, c_void_p, _OUT),
    "fitbit_set_header": (_ERROR, c_void_p, c_char_p, c_char_p),
    "fitbit_response_status": (c_uint16, c_void_p),
    "fitbit_response_body": (c_void_p, c_void_p),
    "fitbit_response_body_len": (c_size_t, c_void_p),
    "fitbit_response_header": (c_char_p, c_void_p, c_char_p),
    "fitbit_response_free": (None, c_void_p),
    "fitbit_token": (_ERROR, c_void_p, _OUT),
    "fitbit_user_id": (_ERROR, c_void_p, _OUT),
    "fitbit_refresh": (_ERROR, c_void_p),
    "fitbit_save": (_ERROR, c_void_p),
    "fitbit_set_token_file": (_ERROR, c_void_p, c_char_p),
    "fitbit_revoke": (_ERROR, c_void_p),
    "fitbit_rate_limit": (c_bool, c_void_p, ctypes.POINTER(RateLimit)),
    "fitbit_dup": (_ERROR, c_void_p, _OUT),
    "fitbit_abort": (None, c_void_p),
    "fitbit_free": (None, c_void_p),
    "fitbit_error_code": (c_int, c_void_p),
    "fitbit_error_message": (c_char_p, c_void_p),
    "fitbit_error_http_status": (c_uint16, c_void_p),
    "fitbit_error_provider_type": (c_char_p, c_void_p),
    "fitbit_error_body": (c_char_p, c_void_p),
    "fitbit_error_retry_after": (c_int64, c_void_p),
    "fitbit_error_free": (None, c_void_p),
    "fitbit_string_free": (None, c_void_p),
    "fitbit_version": (c_char_p,),
}


def _load():
    """FITBIT_LIBRARY, else the installed one, else beside this package or where cargo builds it."""
    path = os.environ.get("FITBIT_LIBRARY") or ctypes.util.find_library("fitbit")
    if path is None:
        name = "libfitbit.dylib" if sys.platform == "darwin" else "libfitbit.so"
        package = pathlib.Path(__file__).resolve().parent
        folders = [package, package.parent]
        folders += [parent / "target" / "release" for parent in package.parents]
        path = next((str(f / name) for f in folders if (f / name).is_file()), None)
    if path is None:
        raise ImportError("libfitbit is not installed: FITBIT_LIBRARY can say where it is")
    try:
        library = ctypes.CDLL(path)  # which lets other threads run while a call does
        for name, (result, *arguments) in FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise ImportError(f"{path} is no libfitbit that this package knows: {error}") from error
    return library


lib = _load()


def check(error):
    """Raises what a function returned, unless it is NULL: success."""
    if not error:
        return
    try:
        code = Code(lib.fitbit_error_code(error))
        retry_after = lib.fitbit_error_retry_after(error)
        raise KINDS.get(code, FitbitError)(
            code,
            lib.fitbit_error_message(error).decode(),
            lib.fitbit_error_http_status(error) or None,
            retry_after if retry_after >= 0 else None,
            text(lib.fitbit_error_provider_type(error)),
            text(lib.fitbit_error_body(error)),
        )
    finally:
        lib.fitbit_error_free(error)


def text(value):
    return None if value is None else value.decode()


def c_text(value):
    """For C: NULL for None, and nothing that C would take for the end."""
    if value is None:
        return None
    encoded = os.fspath(value).encode()
    if b"\0" in encoded:
        raise ValueError("a text with a NUL in it")
    return encoded


def milliseconds(seconds):
    """For a uint32_t, where ctypes would let everything pass."""
    value = round(seconds * 1000)
    if not 0 < value < 2**32:
        raise ValueError(f"{seconds} seconds are no time that can be waited")
    return value


def taken(out):
    """A text that the library gave out, freed; None for NULL."""
    if not out.value:
        return None
    try:
        return ctypes.string_at(out.value).decode()
    finally:
        lib.fitbit_string_free(out)
