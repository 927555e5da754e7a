package fitbit_test

// Logins: in two steps, in one call, from a file; and how they end otherwise.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"example.org/fitbit"
)

var background = context.Background()

func TestAPersonLogsInInTwoSteps(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t)
		defer app.Close()
		uri, session, err := app.StepOne(url.Values{"login_hint": {"a&b"}})
		ok(t, err)
		if !strings.Contains(uri, "login_hint=a%26b") {
			t.Errorf("the parameter is not in %s", uri)
		}
		back, err := visit(uri, "grant")
		ok(t, err)
		var tokens store
		client, err := app.StepTwo(background, session, back, tokens.save)
		ok(t, err)
		defer client.Close()

		token, err := client.Token()
		ok(t, err)
		if saved := tokens.all(); len(saved) != 1 || saved[0] != token {
			t.Errorf("%d tokens were saved", len(saved))
		}
		scope, err := client.TokenField("scope")
		ok(t, err)
		if len(strings.Fields(scope)) != len(d.scopes) {
			t.Errorf("scopes: %s", scope)
		}
		user, err := client.UserID(background)
		ok(t, err)
		if user != d.user {
			t.Errorf("user: %s", user)
		}
		_, err = client.Get(background, d.profile)
		ok(t, err)
	})
}

func TestAPersonWhoSaysNoIsAnErrorOfItsOwn(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t)
		defer app.Close()
		uri, session, err := app.StepOne(nil)
		ok(t, err)
		back, err := visit(uri, "deny")
		ok(t, err)
		if _, err := app.StepTwo(background, session, back, nil); !errors.Is(err, fitbit.ErrAccessDenied) {
			t.Error(err)
		}
		forged := strings.Replace(back, "state=", "state=x", 1)
		if _, err := app.StepTwo(background, session, forged, nil); !errors.Is(err, fitbit.ErrStateMismatch) {
			t.Error(err)
		}
	})
}

// loginApp is an app that may be sent back to a free port of this machine.
func loginApp(t *testing.T, d dialect, options ...fitbit.Option) *fitbit.App {
	t.Helper()
	if d.provider == fitbit.GoogleHealth {
		return d.appFor(t, d.clientID, "http://127.0.0.1:0/callback", options...)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	callback := fmt.Sprintf("http://%s/callback", listener.Addr())
	ok(t, listener.Close())
	control(t, "register", object{
		"client_id": t.Name(), "client_secret": d.clientSecret, "kind": "server", "redirect_uris": []string{callback},
	})
	return d.appFor(t, t.Name(), callback, options...)
}

// person opens an address in a goroutine of its own, decides, and follows the way back.
func person(decision string, page chan<- error) func(string) error {
	return func(uri string) error {
		go func() {
			back, err := visit(uri, decision)
			if err == nil {
				response, failed := browser.Get(back)
				if err = failed; err == nil {
					err = response.Body.Close()
				}
			}
			page <- err
		}()
		return nil
	}
}

func TestOneCallLogsAPersonIn(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := loginApp(t, d)
		defer app.Close()
		page := make(chan error, 1)
		var tokens store
		ctx, cancel := context.WithTimeout(background, forever)
		defer cancel()
		client, err := app.Login(ctx, person("grant", page), tokens.save)
		ok(t, err)
		defer client.Close()
		ok(t, <-page)
		if len(tokens.all()) != 1 {
			t.Error("the first token was not saved")
		}
		_, err = client.Get(background, d.profile)
		ok(t, err)

		if _, err = app.Login(background, person("deny", page), nil); !errors.Is(err, fitbit.ErrAccessDenied) {
			t.Error(err)
		}
		ok(t, <-page)
	})
}

func TestABrowserThatDoesNotOpenEndsALogin(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := loginApp(t, d)
		defer app.Close()
		noBrowser := errors.New("no browser here")
		_, err := app.Login(background, func(string) error { return noBrowser }, nil)
		if !errors.Is(err, fitbit.ErrAuthorization) || !errors.Is(err, noBrowser) {
			t.Error(err)
		}
	})
}

func TestALoginEndsWithItsContext(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := loginApp(t, d)
		ctx, cancel := context.WithCancel(background)
		_, err := app.Login(ctx, func(string) error { cancel(); return nil }, nil)
		if err != context.Canceled {
			t.Error(err)
		}
		ok(t, app.Close())
	})
}

func TestATokenFileTakesEveryToken(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, tokens := d.client(t, 3600)
		path := filepath.Join(t.TempDir(), "token.json")
		ok(t, client.SetTokenFile(path))
		ok(t, client.Refresh(background))
		ok(t, client.Close())
		if len(tokens.all()) != 0 {
			t.Error("the callback was given a token that the file takes")
		}

		app := d.app(t)
		defer app.Close()
		again, err := app.FromFile(background, path)
		ok(t, err)
		defer again.Close()
		_, err = again.Get(background, d.profile)
		ok(t, err)
		if _, err := app.FromFile(background, path+"x"); !errors.Is(err, fitbit.ErrReauthorize) {
			t.Error(err)
		}
	})
}
