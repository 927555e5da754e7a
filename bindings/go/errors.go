package fitbit

// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"time"
)

// ErrClosed is the error of a call on what was closed.
var ErrClosed = errors.New("fitbit: used after Close")

// Code says what to do about an [*Error]. It is an error itself, for errors.Is:
//
//	if errors.Is(err, fitbit.ErrReauthorize) { … }
//
// Later versions of the library may have more; treat an unknown one like [ErrHTTP].
type Code uint32

const (
	// ErrInvalidArgument: fix the program; the message names the argument.
	ErrInvalidArgument Code = C.FITBIT_ERROR_INVALID_ARGUMENT
	// ErrStateMismatch: the redirect is not of this session; drop it.
	ErrStateMismatch Code = C.FITBIT_ERROR_STATE_MISMATCH
	// ErrAccessDenied: the person said no.
	ErrAccessDenied Code = C.FITBIT_ERROR_ACCESS_DENIED
	// ErrAuthorization: start again at step one.
	ErrAuthorization Code = C.FITBIT_ERROR_AUTHORIZATION
	// ErrInvalidClient: client id or secret were refused.
	ErrInvalidClient Code = C.FITBIT_ERROR_INVALID_CLIENT
	// ErrReauthorize: the login is over; read your store again, else the person must log in.
	ErrReauthorize Code = C.FITBIT_ERROR_REAUTHORIZE
	// ErrInsufficientScope: the person did not grant the scope that this request needs.
	ErrInsufficientScope Code = C.FITBIT_ERROR_INSUFFICIENT_SCOPE
	// ErrRateLimited: too many requests; wait for RetryAfter.
	ErrRateLimited Code = C.FITBIT_ERROR_RATE_LIMITED
	// ErrHTTP is any other status of 300 and above.
	ErrHTTP Code = C.FITBIT_ERROR_HTTP
	// ErrProviderRetired: the service is switched off; move to its successor.
	ErrProviderRetired Code = C.FITBIT_ERROR_PROVIDER_RETIRED
	// ErrNetwork: try again.
	ErrNetwork Code = C.FITBIT_ERROR_NETWORK
	// ErrTimeout: the time allowed ran out; try again.
	ErrTimeout Code = C.FITBIT_ERROR_TIMEOUT
	// ErrTLS: a certificate or the handshake was refused.
	ErrTLS Code = C.FITBIT_ERROR_TLS
	// ErrProtocol: the answer is not what HTTP or OAuth promise.
	ErrProtocol Code = C.FITBIT_ERROR_PROTOCOL
	// ErrStore: the token was not saved; the client keeps it and offers it again.
	ErrStore Code = C.FITBIT_ERROR_STORE
	// ErrCancelled: [App.Cancel] or [App.Shutdown] ended the call.
	ErrCancelled Code = C.FITBIT_ERROR_CANCELLED
	// ErrInternal is a bug in the library.
	ErrInternal Code = C.FITBIT_ERROR_INTERNAL
	// ErrSignature: the notification is not the provider's; drop it.
	ErrSignature Code = C.FITBIT_ERROR_SIGNATURE
)

// Error gives the code's name, such as "FITBIT_ERROR_TIMEOUT".
func (c Code) Error() string {
	return C.GoString(C.fitbit_error_code_name(C.FitbitErrorCode(c)))
}

// Error is what the library says of a call that failed. No text of it holds a secret.
type Error struct {
	Code Code
	// Message says what happened, on one line.
	Message string
	// HTTPStatus is the status of the answer that was the error; 0: there was none.
	HTTPStatus int
	// ProviderType is the provider's word for it, such as "expired_token".
	ProviderType string
	// Body is the provider's answer, up to 64 KiB of it.
	Body string
	// RetryAfter is how long to wait before trying again; 0: not known.
	RetryAfter time.Duration

	cause error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("fitbit: %s: %v", e.Message, e.cause)
	}
	return "fitbit: " + e.Message
}

// Is holds for the error's code.
func (e *Error) Is(target error) bool {
	return target == e.Code
}

// Unwrap gives what a callback returned, where that is why the call failed.
func (e *Error) Unwrap() error {
	return e.cause
}

// Timeout tells whether the time allowed ran out, as net.Error does.
func (e *Error) Timeout() bool {
	return e.Code == ErrTimeout
}

// failure makes a Go error of the library's, and frees that.
func failure(c *C.FitbitError) error {
	if c == nil {
		return nil
	}
	defer C.fitbit_error_free(c)
	err := &Error{
		Code:         Code(C.fitbit_error_code(c)),
		Message:      C.GoString(C.fitbit_error_message(c)),
		HTTPStatus:   int(C.fitbit_error_http_status(c)),
		ProviderType: C.GoString(C.fitbit_error_provider_type(c)),
		Body:         C.GoString(C.fitbit_error_body(c)),
	}
	if seconds := C.fitbit_error_retry_after(c); seconds > 0 {
		err.RetryAfter = time.Duration(seconds) * time.Second
	}
	return err
}

// because adds what a callback returned, to an error with the code that says that it failed.
func because(err error, code Code, cause error) error {
	if e, ok := err.(*Error); ok && e.Code == code {
		e.cause = cause
	}
	return err
}
