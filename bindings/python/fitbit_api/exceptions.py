"""What can go wrong. The names are the ones that programs for the original catch, and FitbitError."""

import enum


class Code(enum.IntEnum):
    """What went wrong, and so what to do next: see FitbitErrorCode in fitbit.h."""

    INVALID_ARGUMENT = 1
    STATE_MISMATCH = 2
    ACCESS_DENIED = 3
    AUTHORIZATION = 4
    INVALID_CLIENT = 5
    REAUTHORIZE = 6
    INSUFFICIENT_SCOPE = 7
    RATE_LIMITED = 8
    HTTP = 9
    PROVIDER_RETIRED = 10
    NETWORK = 11
    TIMEOUT = 12
    TLS = 13
    PROTOCOL = 14
    STORE = 15
    CANCELLED = 16
    INTERNAL = 17
    SIGNATURE = 18

    @classmethod
    def _missing_(cls, value):
        return cls.HTTP  # of a later version of the library: the header says to take it for this


class FitbitException(Exception):
    """All others are subclasses of this one."""


class FitbitError(FitbitException):
    """A call failed. No token, code, secret or password appears in any of its texts.

    code           a Code: what to do next
    message        what happened, in words for people
    http_status    of the answer that was the error, or None
    retry_after    how many seconds to wait before trying again, or None: not known
    provider_type  the provider's own word for it, such as "expired_token", or None
    body           the provider's answer, or None
    """

    def __init__(
        self, code, message, http_status=None, retry_after=None, provider_type=None, body=None
    ):
        super().__init__(code, message, http_status, retry_after, provider_type, body)
        self.code = Code(code)
        self.message = message
        self.http_status = http_status
        self.retry_after = retry_after
        self.provider_type = provider_type
        self.body = body

    def __str__(self):
        return self.message


class InsufficientScope(FitbitError):
    """The person did not grant the scope that this request needs."""


class RateLimitException(FitbitError):
    """Too many requests: retry_after says how many seconds to wait."""


KINDS = {
    Code.INSUFFICIENT_SCOPE: InsufficientScope,
    Code.RATE_LIMITED: RateLimitException,
}
