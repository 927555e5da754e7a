package fitbit

// #include "bridge.h"
import "C"

import (
	"context"
	"runtime"
	"runtime/cgo"
	"time"
)

// Client is one person's login: it makes requests as that person, and renews its token by itself. One
// goroutine renews, the others wait for it and share the result.
type Client struct {
	handle
	c     *C.FitbitClient
	login *login
}

// login is where the tokens of one login go. All its clients share it.
type login struct {
	saver  *receiver
	number cgo.Handle
	// The core's mutex guards how many there are.
	clients int
}

func newLogin(save SaveFunc) *login {
	saver := &receiver{call: save}
	return &login{saver: saver, number: saver.pointTo()}
}

func newClient(shared *core, c *C.FitbitClient, login *login) *Client {
	shared.retain()
	shared.add(&login.clients, 1)
	client := &Client{c: c, login: login}
	client.handle = newHandle(shared, func() error { return login.free(shared, c) })
	runtime.SetFinalizer(client, func(client *Client) { go client.Close() })
	return client
}

// free frees a client. The library offers an unsaved token when the last client of a login is freed.
func (l *login) free(shared *core, c *C.FitbitClient) error {
	if shared.add(&l.clients, 0) == 1 {
		l.saver.forget()
	}
	panicked := carry(func() { C.fitbit_free(c) })
	last := shared.add(&l.clients, -1) == 0
	if last {
		release(l.number)
	}
	shared.release()
	if panicked != nil {
		return panicked
	}
	if last {
		return l.saver.failed()
	}
	return nil
}

// Dup makes another client of the same login. They share the token and the [SaveFunc]. Headers, timeout
// and rate limit wait are copied; then each client has its own. Close both, in any order.
func (c *Client) Dup() (*Client, error) {
	return call(func(*arguments) (*Client, error) {
		var dup *C.FitbitClient
		if err := failure(C.fitbit_dup(c.c, &dup)); err != nil {
			return nil, err
		}
		return newClient(c.core, dup, c.login), nil
	}, &c.handle)
}

// Token gives the newest token as JSON, as the [SaveFunc] gets it. Never a request.
func (c *Client) Token() (string, error) {
	return c.text(context.Background(), func(client *C.FitbitClient, _ *arguments, token **C.char) *C.FitbitError {
		return C.fitbit_token(client, token)
	})
}

// TokenField gives one field of the newest token, such as "scope" or "expires_at"; "": it has none.
func (c *Client) TokenField(name string) (string, error) {
	return c.text(context.Background(), func(client *C.FitbitClient, args *arguments, value **C.char) *C.FitbitError {
		return C.fitbit_token_field(client, args.text(name), value)
	})
}

// UserID gives the provider's id of the person. Google Health is asked for it, and the token keeps it.
func (c *Client) UserID(ctx context.Context) (string, error) {
	return c.text(ctx, func(client *C.FitbitClient, _ *arguments, id **C.char) *C.FitbitError {
		return C.fitbit_user_id(client, id)
	})
}

// Refresh renews the token now, and saves it. [ErrStore]: it was renewed, but not saved.
func (c *Client) Refresh(ctx context.Context) error {
	return c.do(ctx, func(client *C.FitbitClient, _ *arguments) *C.FitbitError { return C.fitbit_refresh(client) })
}

// Save offers a token that could not be saved again. Nil: nothing is unsaved. Never a request.
func (c *Client) Save() error {
	return c.do(context.Background(), func(client *C.FitbitClient, _ *arguments) *C.FitbitError {
		return C.fitbit_save(client)
	})
}

// SetTokenFile saves the token into a file, which from then on takes every token in place of the
// [SaveFunc].
func (c *Client) SetTokenFile(path string) error {
	return c.run(func(args *arguments) error {
		err := failure(C.fitbit_set_token_file(c.c, args.text(path)))
		if err == nil {
			c.login.saver.forget()
		}
		return err
	})
}

// SetHeader sets a header of this client's requests, over the app's; "": none. Fitbit chooses units by
// Accept-Language.
func (c *Client) SetHeader(name, value string) error {
	return c.run(func(args *arguments) error {
		return failure(C.fitbit_set_header(c.c, args.text(name), args.optional(value)))
	})
}

// SetTimeout sets how long one call of this client may take as a whole; 0: as long as [WithTimeout] says.
func (c *Client) SetTimeout(timeout time.Duration) error {
	return c.run(func(*arguments) error {
		return amount("timeout", milliseconds(timeout), func(ms C.uint32_t) *C.FitbitError {
			return C.fitbit_set_timeout_ms(c.c, ms)
		})
	})
}

// SetRateLimitWait sets how long a call of this client may wait for a rate limit; 0: not at all. Without
// it, [WithRateLimitWait] holds.
func (c *Client) SetRateLimitWait(wait time.Duration) error {
	return c.run(func(*arguments) error {
		return amount("wait", seconds(wait), func(seconds C.uint32_t) *C.FitbitError {
			return C.fitbit_set_rate_limit_wait(c.c, seconds)
		})
	})
}

// Revoke ends the login at the provider. Afterwards the client is [ErrReauthorize].
func (c *Client) Revoke(ctx context.Context) error {
	return c.do(ctx, func(client *C.FitbitClient, _ *arguments) *C.FitbitError { return C.fitbit_revoke(client) })
}

// RateLimit is what the provider last said of how many requests are allowed. Negative: it did not say.
type RateLimit struct {
	// Limit is how many requests are allowed per period, Remaining how many are left.
	Limit, Remaining int
	// Reset is how long it is until the next period.
	Reset time.Duration
}

// RateLimit tells what is left; false: no answer has said anything yet.
func (c *Client) RateLimit() (limit RateLimit, known bool) {
	c.run(func(*arguments) error {
		var said C.FitbitRateLimit
		known = bool(C.fitbit_rate_limit(c.c, &said))
		limit = RateLimit{int(said.limit), int(said.remaining), time.Duration(said.reset_seconds) * time.Second}
		return nil
	})
	return limit, known
}

// Close waits for the calls that run on the client, and closes it. The last Close of a login offers a
// token that could not be saved once more; if it still is not saved, Close returns the error. The login
// itself does not end: see [Client.Revoke]. If a single-use token is on its way, because a call ran out of
// time, the last Close waits for it, two seconds at most, and saves it. A second Close does nothing. Inside
// a callback Close does not wait.
func (c *Client) Close() error {
	if c == nil {
		return nil
	}
	runtime.SetFinalizer(c, nil)
	return c.close()
}

// callUntil makes one call with this client, which ends with the context.
func callUntil[T any](
	ctx context.Context, c *Client, use func(*C.FitbitClient, *arguments) (T, error), more ...*handle,
) (T, error) {
	return call(func(args *arguments) (T, error) {
		return until(ctx, clients, c.c, func(client *C.FitbitClient) (T, error) { return use(client, args) })
	}, append([]*handle{&c.handle}, more...)...)
}

func (c *Client) do(ctx context.Context, use func(*C.FitbitClient, *arguments) *C.FitbitError) error {
	_, err := callUntil(ctx, c, func(client *C.FitbitClient, args *arguments) (struct{}, error) {
		return struct{}{}, c.failure(use(client, args))
	})
	return err
}

func (c *Client) text(
	ctx context.Context, use func(*C.FitbitClient, *arguments, **C.char) *C.FitbitError,
) (string, error) {
	return callUntil(ctx, c, func(client *C.FitbitClient, args *arguments) (string, error) {
		var text *C.char
		err := c.failure(use(client, args, &text))
		return taken(text), err
	})
}

func (c *Client) failure(err *C.FitbitError) error {
	return because(failure(err), ErrStore, c.login.saver.failed())
}
