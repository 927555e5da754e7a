package fitbit

// #include "bridge.h"
import "C"

import (
	"fmt"
	"math"
	"runtime/cgo"
	"strings"
	"time"
)

// Option is a setting of an app, for [NewApp].
type Option func(*core) error

// Endpoint is what [WithEndpoint] overrides.
type Endpoint uint32

const (
	// AuthorizeEndpoint is where the person grants access.
	AuthorizeEndpoint Endpoint = C.FITBIT_ENDPOINT_AUTHORIZE
	// TokenEndpoint is where a code or a refresh token becomes a token.
	TokenEndpoint Endpoint = C.FITBIT_ENDPOINT_TOKEN
	// RevokeEndpoint is where a token is revoked.
	RevokeEndpoint Endpoint = C.FITBIT_ENDPOINT_REVOKE
	// APIEndpoint is what every path is appended to.
	APIEndpoint Endpoint = C.FITBIT_ENDPOINT_API
)

// ClientAuth is how the application proves who it is.
type ClientAuth uint32

const (
	// AutoAuth is what the provider prefers.
	AutoAuth ClientAuth = C.FITBIT_CLIENT_AUTH_AUTO
	// BasicAuth sends id and secret in the Authorization header.
	BasicAuth ClientAuth = C.FITBIT_CLIENT_AUTH_BASIC
	// BodyAuth sends id and secret in the request's body.
	BodyAuth ClientAuth = C.FITBIT_CLIENT_AUTH_BODY
	// NoAuth sends the id alone.
	NoAuth ClientAuth = C.FITBIT_CLIENT_AUTH_NONE
)

// LogLevel is how much an event matters.
type LogLevel uint32

// From a login that is over to each connection.
const (
	LogError LogLevel = C.FITBIT_LOG_ERROR
	LogWarn  LogLevel = C.FITBIT_LOG_WARN
	LogInfo  LogLevel = C.FITBIT_LOG_INFO
	LogDebug LogLevel = C.FITBIT_LOG_DEBUG
	LogTrace LogLevel = C.FITBIT_LOG_TRACE
)

func option(set func(*C.FitbitApp, *arguments) *C.FitbitError) Option {
	return func(shared *core) error {
		var args arguments
		defer args.free()
		return failure(set(shared.app, &args))
	}
}

// amount fits a setting into the 32 bits that it has in C.
func amount(name string, value int64, set func(C.uint32_t) *C.FitbitError) error {
	if value < 0 || value > math.MaxUint32 {
		return &Error{Code: ErrInvalidArgument, Message: fmt.Sprintf("%s is out of range", name)}
	}
	return failure(set(C.uint32_t(value)))
}

func amountOption(name string, value int64, set func(*C.FitbitApp, C.uint32_t) *C.FitbitError) Option {
	return func(shared *core) error {
		return amount(name, value, func(value C.uint32_t) *C.FitbitError { return set(shared.app, value) })
	}
}

// WithScopes sets the scopes that are asked for; default: every one with which something can be read.
func WithScopes(scopes ...string) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_scopes(app, args.text(strings.Join(scopes, " ")))
	})
}

// WithEndpoint overrides an endpoint: https, or http on loopback.
func WithEndpoint(endpoint Endpoint, uri string) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_endpoint(app, C.FitbitEndpoint(endpoint), args.text(uri))
	})
}

// WithClientAuth sets how the application proves who it is; default: [AutoAuth].
func WithClientAuth(method ClientAuth) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_client_auth(app, C.FitbitClientAuth(method))
	})
}

// WithHeader sets a header of every API request; "": none.
func WithHeader(name, value string) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_header(app, args.text(name), args.optional(value))
	})
}

// WithTimeout sets how long one call may take as a whole; default: 30 seconds. A context can only
// make it shorter.
func WithTimeout(timeout time.Duration) Option {
	return amountOption("timeout", milliseconds(timeout), func(app *C.FitbitApp, ms C.uint32_t) *C.FitbitError {
		return C.fitbit_app_set_timeout_ms(app, ms)
	})
}

// WithRefreshLeeway sets how long before its expiry a token is renewed; default: a minute.
func WithRefreshLeeway(leeway time.Duration) Option {
	return amountOption("leeway", seconds(leeway), func(app *C.FitbitApp, seconds C.uint32_t) *C.FitbitError {
		return C.fitbit_app_set_refresh_leeway(app, seconds)
	})
}

// WithRateLimitWait sets how long a call may wait for a rate limit; default: not at all.
func WithRateLimitWait(wait time.Duration) Option {
	return amountOption("wait", seconds(wait), func(app *C.FitbitApp, seconds C.uint32_t) *C.FitbitError {
		return C.fitbit_app_set_rate_limit_wait(app, seconds)
	})
}

// milliseconds rounds away from 0, which has a meaning of its own.
func milliseconds(duration time.Duration) int64 {
	whole, rest := duration.Milliseconds(), duration%time.Millisecond
	switch {
	case rest > 0:
		return whole + 1
	case rest < 0:
		return whole - 1
	default:
		return whole
	}
}

func seconds(duration time.Duration) int64 {
	return int64(math.Floor(duration.Seconds()))
}

// WithMaxBody sets the largest body that is accepted, in bytes; default: 16 MiB.
func WithMaxBody(bytes uint) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_max_body(app, C.size_t(bytes))
	})
}

// WithProxy sends https requests through a proxy; "": through none. Default: the environment's.
func WithProxy(uri string) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_proxy(app, args.optional(uri))
	})
}

// WithCAFile trusts the certificates in a PEM file, and no others.
func WithCAFile(path string) Option {
	return option(func(app *C.FitbitApp, args *arguments) *C.FitbitError {
		return C.fitbit_app_set_ca_file(app, args.text(path))
	})
}

// WithLogger tells log what the app and its clients do, up to the level most, in lines without
// secrets. It runs in several goroutines at once.
func WithLogger(most LogLevel, log func(level LogLevel, message string)) Option {
	return func(shared *core) error {
		if log == nil {
			return failure(C.go_set_logger(shared.app, C.FitbitLogLevel(most), 0))
		}
		logger := cgo.NewHandle(log)
		shared.loggers = append(shared.loggers, logger)
		return failure(C.go_set_logger(shared.app, C.FitbitLogLevel(most), C.uintptr_t(logger)))
	}
}
