package fitbit_test

// Faults of provider and program, as error values.

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"example.org/fitbit"
)

func TestEachErrorIsItsCode(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(2*time.Second))
		defer client.Close()
		for _, row := range []struct {
			kind   string
			more   object
			code   fitbit.Code
			status int
		}{
			{"status_403_scope", nil, fitbit.ErrInsufficientScope, 403},
			{"status_404", nil, fitbit.ErrHTTP, 404},
			{"status_429_retry_after", object{"seconds": 7}, fitbit.ErrRateLimited, 429},
			{"status_500", nil, fitbit.ErrHTTP, 500},
			{"redirect_to", object{"to": "http://127.0.0.1:9"}, fitbit.ErrHTTP, 302},
			{"truncated_body", object{"times": 2}, fitbit.ErrNetwork, 0},
			{"close_after_read", object{"times": 2}, fitbit.ErrNetwork, 0},
			{"stall", nil, fitbit.ErrTimeout, 0},
			{"endless_body", nil, fitbit.ErrProtocol, 0},
		} {
			control(t, "reset", nil)
			fault(t, "api", row.kind, row.more)
			response, err := client.Get(background, d.profile)
			var failure *fitbit.Error
			if response != nil || !errors.As(err, &failure) || !errors.Is(err, row.code) {
				t.Errorf("%s: %v", row.kind, err)
				continue
			}
			if errors.Is(err, fitbit.ErrInternal) || failure.HTTPStatus != row.status || failure.Message == "" {
				t.Errorf("%s: %+v", row.kind, failure)
			}
			if wait := failure.RetryAfter; wait > 0 != (row.code == fitbit.ErrRateLimited) || wait > 8*time.Second {
				t.Errorf("%s: wait %s", row.kind, wait)
			}
			if failure.Timeout() != (row.code == fitbit.ErrTimeout) {
				t.Errorf("%s: it is a timeout, or it is not", row.kind)
			}
		}
	})
}

func TestAnErrorHasWhatTheProviderSaid(t *testing.T) {
	d := dialects[0]
	client, _ := d.client(t, 3600)
	defer client.Close()
	control(t, "reset", nil)
	fault(t, "api", "status_403_scope", nil)
	_, err := client.Get(background, d.profile)
	var failure *fitbit.Error
	if !errors.As(err, &failure) || failure.ProviderType != "insufficient_scope" || failure.Body == "" {
		t.Errorf("%+v", failure)
	}
	if name := failure.Code.Error(); name != "FITBIT_ERROR_INSUFFICIENT_SCOPE" {
		t.Error(name)
	}
}

func TestALoginThatIsOverIsReported(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, -10)
		defer client.Close()
		fault(t, "refresh", "status_400_invalid_grant", nil)
		if _, err := client.Get(background, d.profile); !errors.Is(err, fitbit.ErrReauthorize) {
			t.Error(err)
		}
	})
}

func TestWrongArgumentsAreNamed(t *testing.T) {
	d := dialects[0]
	client, _ := d.client(t, 3600)
	defer client.Close()
	app := d.app(t)
	defer app.Close()
	newApp := func(provider fitbit.Provider, id string, options ...fitbit.Option) error {
		_, err := fitbit.NewApp(provider, id, "", "", options...)
		return err
	}
	for name, err := range map[string]error{
		"a path with a NUL":   second(client.Get(background, "/1/user\x00/../secret")),
		"a path elsewhere":    second(client.Get(background, "//evil.example/")),
		"a method":            second(client.Do(background, "CONNECT", "/", "", nil)),
		"no token":            second(app.FromToken("", nil)),
		"an unknown provider": newApp(99, "id"),
		"no id":               newApp(fitbit.Fitbit, ""),
		"no timeout":          newApp(fitbit.Fitbit, "id", fitbit.WithTimeout(0)),
		"a negative time":     newApp(fitbit.Fitbit, "id", fitbit.WithRefreshLeeway(-time.Millisecond)),
		"a time too long":     newApp(fitbit.Fitbit, "id", fitbit.WithTimeout(1<<62)),
		"an http address":     newApp(fitbit.Fitbit, "id", fitbit.WithEndpoint(fitbit.APIEndpoint, "http://example.org")),
		"no CA file":          newApp(fitbit.Fitbit, "id", fitbit.WithCAFile("/nowhere")),
		"an unknown level":    newApp(fitbit.Fitbit, "id", fitbit.WithLogger(99, func(fitbit.LogLevel, string) {})),
	} {
		if !errors.Is(err, fitbit.ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, newApp(fitbit.Fitbit, "id", fitbit.WithTimeout(time.Minute), fitbit.WithRefreshLeeway(0), fitbit.WithProxy(""),
		fitbit.WithRateLimitWait(time.Hour), fitbit.WithMaxBody(1), fitbit.WithHeader("X-A", "b"), fitbit.WithClientAuth(fitbit.NoAuth),
		fitbit.WithLogger(fitbit.LogError, nil)))
}

func second[T any](_ T, err error) error { return err }

func TestANotificationIsVerified(t *testing.T) {
	d := dialects[0]
	app := d.app(t)
	defer app.Close()
	body := []byte(`[{"collectionType":"sleep"}]`)
	mac := hmac.New(sha1.New, []byte(d.clientSecret+"&"))
	mac.Write(body)
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	ok(t, app.VerifySignature(signature, body))
	if err := app.VerifySignature(signature, body[1:]); !errors.Is(err, fitbit.ErrSignature) {
		t.Error(err)
	}
}
