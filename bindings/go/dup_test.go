package fitbit_test

// Several clients of one login.

import (
	"errors"
	"testing"
	"time"

	"example.org/fitbit"
)

func TestADupSharesTheLogin(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, tokens := d.client(t, -10)
		dup, err := client.Dup()
		ok(t, err)
		_, err = dup.Get(background, d.profile)
		ok(t, err)
		token, err := client.Token()
		ok(t, err)
		if saved := tokens.all(); len(saved) != 1 || saved[0] != token {
			t.Errorf("%d saved", len(saved))
		}
		ok(t, client.Close())
		if _, err := client.Dup(); err != fitbit.ErrClosed {
			t.Error(err)
		}
		ok(t, dup.Refresh(background))
		if saves := len(tokens.all()); saves != 2 {
			t.Errorf("%d saved", saves)
		}
		ok(t, dup.Close())
	})
}

func TestADupHasTimeoutAndWaitOfItsOwn(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		defer client.Close()
		ok(t, client.SetTimeout(time.Millisecond))
		dup, err := client.Dup() // it copies the millisecond
		ok(t, err)
		defer dup.Close()
		ok(t, client.SetTimeout(0))
		fault(t, "api", "latency", object{"ms": 300, "times": 2})
		if _, err := dup.Get(background, d.profile); !errors.Is(err, fitbit.ErrTimeout) {
			t.Error(err)
		}
		_, err = client.Get(background, d.profile)
		ok(t, err)

		control(t, "reset", nil)
		ok(t, dup.SetTimeout(forever))
		ok(t, dup.SetRateLimitWait(time.Hour))
		fault(t, "api", "status_429_retry_after", object{"seconds": 1, "times": 2})
		if _, err := client.Get(background, d.profile); !errors.Is(err, fitbit.ErrRateLimited) {
			t.Error(err)
		}
		_, err = dup.Get(background, d.profile)
		ok(t, err)

		for _, err := range []error{
			client.SetTimeout(-1), client.SetTimeout(1 << 62), client.SetRateLimitWait(-1), client.SetRateLimitWait(1 << 62),
		} {
			if !errors.Is(err, fitbit.ErrInvalidArgument) {
				t.Error(err)
			}
		}
	})
}

func TestADupHasHeadersOfItsOwn(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600)
		defer client.Close()
		ok(t, client.SetHeader("X-Test", "both"))
		dup, err := client.Dup()
		ok(t, err)
		defer dup.Close()
		ok(t, client.SetHeader("X-Test", "client"))
		for _, sender := range []*fitbit.Client{client, dup} {
			// A context that can end makes no difference.
			ctx, cancel := contextWithCancel()
			_, err := sender.Get(ctx, d.profile)
			ok(t, err)
			cancel()
		}
		if got := received(t, "x-test"); len(got) != 2 || got[0] != "client" || got[1] != "both" {
			t.Error(got)
		}
	})
}

func TestTheLastCloseOfALoginOffersAnUnsavedToken(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, tokens := d.client(t, 3600)
		dup, err := client.Dup()
		ok(t, err)
		tokens.fails(broken)
		if err := dup.Refresh(background); !errors.Is(err, broken) {
			t.Error(err)
		}
		ok(t, client.Close())
		if offers := len(tokens.all()); offers != 1 {
			t.Errorf("offered %d times", offers)
		}
		if err := dup.Close(); !errors.Is(err, broken) {
			t.Error(err)
		}
		if offers := len(tokens.all()); offers != 2 {
			t.Errorf("offered %d times", offers)
		}
	})
}
