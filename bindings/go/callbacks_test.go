package fitbit_test

// What a callback may do: fail, panic, use the package.

import (
	"context"
	"errors"
	"testing"

	"example.org/fitbit"
)

// panicOf is what a function panics with, once a callback of it has.
func panicOf(t *testing.T, use func()) (panicked *fitbit.CallbackPanic) {
	t.Helper()
	defer func() {
		t.Helper()
		var ok bool
		if panicked, ok = recover().(*fitbit.CallbackPanic); !ok || len(panicked.Stack) == 0 {
			t.Fatal("there was no panic")
		}
	}()
	use()
	return nil
}

var broken = errors.New("the disk is full")

func TestAPanicInACallbackGoesOnInTheCall(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t)
		defer app.Close()
		var tokens store
		panics := true
		client, err := app.FromToken(d.token(t, 3600), func(token string) error {
			if panics {
				panic(broken)
			}
			return tokens.save(token)
		})
		ok(t, err)
		defer client.Close()
		for _, use := range []func(){
			func() { client.Refresh(background) },
			func() { client.Save() },
		} {
			if panicked := panicOf(t, use); !errors.Is(panicked, broken) {
				t.Error(panicked)
			}
		}
		// The token is not lost, and the library is in order.
		panics = false
		_, err = client.Get(background, d.profile)
		ok(t, err)
		token, err := client.Token()
		ok(t, err)
		if saved := tokens.all(); len(saved) != 1 || saved[0] != token || requests(t, "refresh") != 1 {
			t.Errorf("%d saved", len(saved))
		}
	})
}

func TestAPanicInALoginDoesNotLoseItsToken(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t)
		defer app.Close()
		uri, session, err := app.StepOne(nil)
		ok(t, err)
		back, err := visit(uri, "grant")
		ok(t, err)
		var tokens store
		offers := 0
		save := func(token string) error {
			if offers++; offers == 1 {
				panic(broken)
			}
			return tokens.save(token)
		}
		panicOf(t, func() { app.StepTwo(background, session, back, save) })
		saved := tokens.all()
		if len(saved) != 1 {
			t.Fatalf("%d saved", len(saved))
		}
		client, err := app.FromToken(saved[0], nil)
		ok(t, err)
		defer client.Close()
		_, err = client.Get(background, d.profile)
		ok(t, err)
	})
}

func TestAPanicGoesOnInACallWhoseContextCanEnd(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := loginApp(t, d)
		defer app.Close()
		ctx, cancel := contextWithCancel()
		defer cancel()
		panicked := panicOf(t, func() { app.Login(ctx, func(string) error { panic("no browser") }, nil) })
		if panicked.Value != "no browser" {
			t.Error(panicked)
		}
		// The context of this one has ended when its callback panics.
		uri, session, err := app.StepOne(nil)
		ok(t, err)
		back, err := visit(uri, "grant")
		ok(t, err)
		panicked = panicOf(t, func() {
			app.StepTwo(ctx, session, back, func(string) error {
				cancel()
				panic(broken)
			})
		})
		if !errors.Is(panicked, broken) {
			t.Error(panicked)
		}
	})
}

func TestAContextEndsACallThatACallbackMakes(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		other, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		app := d.app(t)
		defer app.Close()
		fault(t, "api", "stall_before_answer", object{"times": 0})
		client, err := app.FromToken(d.token(t, 3600), func(string) error {
			ctx, cancel := soon()
			defer cancel()
			if _, err := other.Get(ctx, d.profile); err != context.DeadlineExceeded {
				t.Error(err)
			}
			return nil
		})
		ok(t, err)
		ok(t, client.Refresh(background))
		ok(t, client.Close())
		ok(t, other.Close())
	})
}

func TestALoggerHearsAndMayPanic(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		var lines store
		client, _ := d.client(t, 3600, fitbit.WithLogger(fitbit.LogDebug, func(level fitbit.LogLevel, line string) {
			if level > fitbit.LogDebug {
				t.Error(level, line)
			}
			lines.save(line)
		}))
		_, err := client.Get(background, d.profile)
		ok(t, err)
		ok(t, client.Close())
		if len(lines.all()) == 0 {
			t.Error("nothing was heard")
		}

		client, _ = d.client(t, 3600, fitbit.WithLogger(fitbit.LogDebug, func(fitbit.LogLevel, string) { panic(nil) }))
		panicOf(t, func() { client.Get(background, d.profile) })
		client.Close()
	})
}

func TestWhatACallbackReturnsIsTheErrorsCause(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, tokens := d.client(t, 3600)
		tokens.fails(broken)
		for _, err := range []error{client.Refresh(background), client.Save(), client.Close()} {
			if !errors.Is(err, broken) {
				t.Error(err)
			}
		}

		client, tokens = d.client(t, 3600)
		tokens.fails(broken)
		err := client.Refresh(background)
		if !errors.Is(err, fitbit.ErrStore) || !errors.Is(err, broken) {
			t.Error(err)
		}
		tokens.fails(nil)
		ok(t, client.Close())
	})
}

func TestACallbackMayUseEverythingButItsOwnClient(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		other, _ := d.client(t, 3600)
		app := d.app(t, fitbit.WithTimeout(forever))
		var client *fitbit.Client
		ran := false
		client, err := app.FromToken(d.token(t, 3600), func(token string) error {
			ran = true
			ctx, cancel := contextWithCancel()
			defer cancel()
			if newest, err := client.Token(); newest != token || err != nil {
				t.Error(err)
			}
			if _, err := client.Get(ctx, d.profile); !errors.Is(err, fitbit.ErrInvalidArgument) {
				t.Error(err)
			}
			if _, err := other.Get(ctx, d.profile); err != nil {
				t.Error(err)
			}
			// None of these waits for the call that this callback is a part of.
			return firstOf(other.Close(), client.Close(), app.Close())
		})
		ok(t, err)
		ok(t, client.Refresh(background))
		if !ran {
			t.Error("the callback did not run")
		}
		if err := client.Refresh(background); err != fitbit.ErrClosed {
			t.Error(err)
		}
		ok(t, client.Close())
	})
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
