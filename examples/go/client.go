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
	saver *receiver
}

func newClient(shared *core, c *C.FitbitClient, saver *receiver, number cgo.Handle) *Client {
	shared.retain()
	client := &Client{c: c, saver: saver}
	client.handle = newHandle(shared, func() error {
		saver.forget()
		panicked := carry(func() { C.fitbit_free(c) })
		release(number)
		shared.release()
		if panicked != nil {
			return panicked
		}
		return saver.failed()
	})
	runtime.SetFinalizer(client, func(client *Client) { go client.Close() })
	return client
}

// Token gives the newest token as JSON, as the [SaveFunc] gets it. Never a request.
func (c *Client) Token() (string, error) {
	return c.text(context.Background(), func(args *arguments, token **C.char) *C.FitbitError {
		return C.fitbit_token(c.c, token)
	})
}

// TokenField gives one field of the newest token, such as "scope" or "expires_at"; "": it has none.
func (c *Client) TokenField(name string) (string, error) {
	return c.text(context.Background(), func(args *arguments, value **C.char) *C.FitbitError {
		return C.fitbit_token_field(c.c, args.text(name), value)
	})
}

// UserID gives the provider's id of the person. Google Health is asked for it, once.
func (c *Client) UserID(ctx context.Context) (string, error) {
	return c.text(ctx, func(args *arguments, id **C.char) *C.FitbitError {
		return C.fitbit_user_id(c.c, id)
	})
}

// Refresh renews the token now, and saves it. [ErrStore]: it was renewed, but not saved.
func (c *Client) Refresh(ctx context.Context) error {
	return c.do(ctx, func(*arguments) *C.FitbitError { return C.fitbit_refresh(c.c) })
}

// Save offers a token that could not be saved again. Nil: nothing is unsaved. Never a request.
func (c *Client) Save() error {
	return c.do(context.Background(), func(*arguments) *C.FitbitError { return C.fitbit_save(c.c) })
}

// SetTokenFile saves the token into a file, which from then on takes every token in place of the
// [SaveFunc].
func (c *Client) SetTokenFile(path string) error {
	return c.run(context.Background(), func(args *arguments) error {
		err := failure(C.fitbit_set_token_file(c.c, args.text(path)))
		if err == nil {
			c.saver.forget()
		}
		return err
	})
}

// SetHeader sets a header of this person's requests, over the app's; "": none. Fitbit chooses units by
// Accept-Language.
func (c *Client) SetHeader(name, value string) error {
	return c.do(context.Background(), func(args *arguments) *C.FitbitError {
		return C.fitbit_set_header(c.c, args.text(name), args.optional(value))
	})
}

// Revoke ends the login at the provider. Afterwards the client is [ErrReauthorize].
func (c *Client) Revoke(ctx context.Context) error {
	return c.do(ctx, func(*arguments) *C.FitbitError { return C.fitbit_revoke(c.c) })
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
	c.run(context.Background(), func(*arguments) error {
		var said C.FitbitRateLimit
		known = bool(C.fitbit_rate_limit(c.c, &said))
		limit = RateLimit{int(said.limit), int(said.remaining), time.Duration(said.reset_seconds) * time.Second}
		return nil
	})
	return limit, known
}

// Close ends the client, when the calls on it have returned. A token that could not be saved is offered
// once more; that it is still not saved is the error. The login goes on: see [Client.Revoke]. A second
// Close does nothing. Inside a callback Close does not wait.
func (c *Client) Close() error {
	if c == nil {
		return nil
	}
	runtime.SetFinalizer(c, nil)
	return c.close()
}

func (c *Client) do(ctx context.Context, use func(*arguments) *C.FitbitError) error {
	return c.run(ctx, func(args *arguments) error { return c.failure(use(args)) })
}

func (c *Client) text(ctx context.Context, use func(*arguments, **C.char) *C.FitbitError) (string, error) {
	return call(ctx, func(args *arguments) (string, error) {
		var text *C.char
		err := c.failure(use(args, &text))
		return taken(text), err
	}, &c.handle)
}

func (c *Client) failure(err *C.FitbitError) error {
	return because(failure(err), ErrStore, c.saver.failed())
}
