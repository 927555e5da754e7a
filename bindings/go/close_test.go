package fitbit_test

// Nothing is used after it was freed, and everything is freed.

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"example.org/fitbit"
)

func contextWithCancel() (context.Context, context.CancelFunc) {
	return context.WithCancel(background)
}

func TestUseAfterCloseIsAnError(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t)
		client, err := app.FromToken(d.token(t, 3600), nil)
		ok(t, err)
		page, err := client.Get(background, d.list)
		ok(t, err)
		for i := 0; i < 2; i++ {
			ok(t, page.Close())
		}
		if _, err := client.NextPage(background, page); err != fitbit.ErrClosed {
			t.Error(err)
		}
		for i := 0; i < 2; i++ {
			ok(t, app.Close())
		}
		_, _, err = app.StepOne(nil)
		for _, err := range []error{
			err, second(app.FromToken("{}", nil)), second(app.StepTwo(background, "", "", nil)),
			second(app.Login(background, nil, nil)), second(app.FromFile(background, "")), app.VerifySignature("", nil),
		} {
			if err != fitbit.ErrClosed {
				t.Error(err)
			}
		}
		app.Cancel()

		// The client goes on without its app.
		_, err = client.Get(background, d.profile)
		ok(t, err)
		for i := 0; i < 2; i++ {
			ok(t, client.Close())
		}
		for _, err := range []error{
			second(client.Get(background, "/")), second(client.Token()), second(client.UserID(background)),
			client.Refresh(background), client.Save(), client.Revoke(background), client.SetHeader("a", "b"),
			client.SetTokenFile("x"), second(client.NextPage(background, page)),
		} {
			if err != fitbit.ErrClosed {
				t.Error(err)
			}
		}
		if _, known := client.RateLimit(); known {
			t.Error("a closed client knows a rate limit")
		}
		app.Cancel()
	})
}

func TestCloseWaitsForTheCallsThatRun(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		for round := 0; round < 10; round++ {
			client, tokens := d.client(t, -10)
			control(t, "reset", nil)
			var all sync.WaitGroup
			for i := 0; i < 16; i++ {
				all.Add(1)
				go func() {
					defer all.Done()
					for {
						if _, err := client.Get(background, d.profile); err == fitbit.ErrClosed {
							return
						} else if err != nil {
							t.Error(err)
						}
					}
				}()
			}
			eventually(t, "requests are under way", func() bool { return requests(t, "api") > round })
			for i := 0; i < 2; i++ {
				all.Add(1)
				go func() {
					defer all.Done()
					if err := client.Close(); err != nil {
						t.Error(err)
					}
				}()
			}
			all.Wait()
			if len(tokens.all()) != 1 {
				t.Error("the renewal was not saved")
			}
		}
	})
}

func TestAClientThatIsForgottenIsFreed(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		tokens := func() *store {
			client, tokens := d.client(t, 3600)
			tokens.fails(broken)
			if err := client.Refresh(background); !errors.Is(err, fitbit.ErrStore) {
				t.Error(err)
			}
			return tokens
		}()
		// Being freed, a client offers a token that is not saved once more.
		tokens.fails(nil)
		eventually(t, "the client is freed", func() bool {
			runtime.GC()
			return len(tokens.all()) == 2
		})
	})
}

func TestAppsAndAnswersThatAreForgottenAreFreed(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		// What the logger refers to is let go of when the app is.
		freed := make(chan struct{})
		func() {
			kept := new([64]byte)
			runtime.SetFinalizer(kept, func(*[64]byte) { close(freed) })
			app := d.app(t, fitbit.WithLogger(fitbit.LogTrace, func(fitbit.LogLevel, string) { kept[0]++ }))
			client, err := app.FromToken(d.token(t, 3600), nil)
			ok(t, err)
			_, err = client.Get(background, d.profile)
			ok(t, err)
		}()
		eventually(t, "everything is freed", func() bool {
			runtime.GC()
			select {
			case <-freed:
				return true
			default:
				return false
			}
		})
	})
}
