package fitbit

// #include "bridge.h"
import "C"

import (
	"context"
	"math"
	"net/url"
	"time"
)

// StepOne makes the address where the person grants access, and a session that is kept for [App.StepTwo]:
// out of the browser's reach, bound to the browser that the login began in. params are more parameters
// for this login, such as "scope" or "prompt"; nil: none. No request is sent.
func (a *App) StepOne(params url.Values) (authorizationURI, session string, err error) {
	err = a.run(func(args *arguments) error {
		var uri, kept *C.char
		err := failure(C.fitbit_step_one(a.core.app, args.optional(params.Encode()), &uri, &kept))
		if err == nil {
			authorizationURI, session = taken(uri), taken(kept)
		}
		return err
	})
	return authorizationURI, session, err
}

// StepTwo makes a client of the address that the person was sent back to. save gets the first token
// before it returns, and every later one; nil: tokens are lost with the client.
func (a *App) StepTwo(ctx context.Context, session, redirectURI string, save SaveFunc) (*Client, error) {
	return a.client(ctx, save, func(app *C.FitbitApp, args *arguments, saver C.uintptr_t, client **C.FitbitClient) error {
		return failure(C.go_step_two(app, args.text(session), args.text(redirectURI), saver, client))
	})
}

// LoginWait is how long [App.Login] waits for the person where its context has no deadline.
const LoginWait = 5 * time.Minute

// Login does both steps, for programs that run where the person is: it listens on the callback URI's
// loopback port (a free one for 0, with Google), opens the default browser, or calls open with the
// address, and waits for the person to come back, until the context's deadline.
//
// open has to return soon: only then the person's answer is served.
func (a *App) Login(ctx context.Context, open func(authorizationURI string) error, save SaveFunc) (*Client, error) {
	wait := LoginWait
	if deadline, ok := ctx.Deadline(); ok {
		// The context ends first, so that its error is the one that is returned.
		wait = time.Until(deadline) + time.Second
	}
	milliseconds := wait.Milliseconds()
	if milliseconds > math.MaxUint32 {
		milliseconds = math.MaxUint32
	}
	opener := &receiver{call: open}
	return a.client(ctx, save, func(app *C.FitbitApp, args *arguments, saver C.uintptr_t, client **C.FitbitClient) error {
		number := opener.pointTo()
		defer release(number)
		err := failure(C.go_login(app, C.uint32_t(milliseconds), C.uintptr_t(number), saver, client))
		return because(err, ErrAuthorization, opener.failed())
	})
}

// FromToken makes a client of a saved token. No request is sent.
func (a *App) FromToken(tokenJSON string, save SaveFunc) (*Client, error) {
	return a.client(context.Background(), save, func(app *C.FitbitApp, args *arguments, saver C.uintptr_t, client **C.FitbitClient) error {
		return failure(C.go_from_token(app, args.text(tokenJSON), saver, client))
	})
}

// FromFile makes a client of a token file, which takes every later token. Any number of processes
// may share it. [ErrReauthorize]: there is none.
func (a *App) FromFile(ctx context.Context, path string) (*Client, error) {
	return a.client(ctx, nil, func(app *C.FitbitApp, args *arguments, _ C.uintptr_t, client **C.FitbitClient) error {
		return failure(C.fitbit_from_file(app, args.text(path), client))
	})
}

func (a *App) client(
	ctx context.Context, save SaveFunc, make func(*C.FitbitApp, *arguments, C.uintptr_t, **C.FitbitClient) error,
) (*Client, error) {
	return call(func(args *arguments) (*Client, error) {
		return until(ctx, apps, a.core.app, func(app *C.FitbitApp) (*Client, error) {
			login := newLogin(save)
			var c *C.FitbitClient
			if err := make(app, args, C.uintptr_t(login.number), &c); err != nil {
				release(login.number)
				return nil, err
			}
			return newClient(a.core, c, login), nil
		})
	}, &a.handle)
}
