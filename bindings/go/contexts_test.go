package fitbit_test

// A context ends its own call and nobody else's, and what is single-use is not lost.

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"example.org/fitbit"
)

// soon is a context that ends while an answer is awaited.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, 100*time.Millisecond)
}

func TestAContextEndsASlowRequest(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		fault(t, "api", "stall_before_answer", object{"times": 0})
		ctx, cancel := context.WithCancel(background)
		ended := make(chan error, 1)
		go func() { ended <- second(client.Get(ctx, d.profile)) }()
		eventually(t, "the request is under way", func() bool { return requests(t, "api") == 1 })
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		ctx, cancel = soon()
		defer cancel()
		if _, err := client.Get(ctx, d.profile); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := client.Get(ctx, d.profile); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		control(t, "reset", nil)
		_, err := client.Get(background, d.profile)
		ok(t, err)
		ok(t, client.Close())
	})
}

func TestAContextEndsNobodyElsesRequest(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		fault(t, "api", "latency", object{"path": d.profile, "ms": 1500})
		fault(t, "api", "stall_before_answer", object{"path": d.sleep[:len(d.sleep)-12], "times": 0})
		others := make(chan error, 1)
		go func() { others <- second(client.Get(background, d.profile)) }()
		eventually(t, "the other request is under way", func() bool { return requests(t, "api") == 1 })
		ctx, cancel := soon()
		defer cancel()
		if _, err := client.Get(ctx, d.sleep); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		select {
		case err := <-others:
			t.Error("the ended call waited for the other one", err)
		default:
			ok(t, <-others)
		}
		ok(t, client.Close())
	})
}

func TestCancelEndsEveryCallThatRuns(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t, fitbit.WithTimeout(forever))
		client, err := app.FromToken(d.token(t, 3600), nil)
		ok(t, err)
		fault(t, "api", "stall_before_answer", object{"times": 0})
		var all sync.WaitGroup
		for i := 0; i < 8; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				if _, err := client.Get(background, d.profile); !errors.Is(err, fitbit.ErrCancelled) {
					t.Error(err)
				}
			}()
		}
		eventually(t, "all requests are under way", func() bool { return requests(t, "api") == 8 })
		app.Cancel()
		all.Wait()
		control(t, "reset", nil)
		_, err = client.Get(background, d.profile)
		ok(t, err)
		ok(t, client.Close())
		ok(t, app.Close())
		app.Cancel()
	})
}

func TestShutdownEndsEveryCallForGood(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t, fitbit.WithTimeout(forever))
		var tokens store
		tokens.fails(broken)
		client, err := app.FromToken(d.token(t, 3600), tokens.save)
		ok(t, err)
		if err := client.Refresh(background); !errors.Is(err, fitbit.ErrStore) {
			t.Error(err)
		}
		fault(t, "api", "stall_before_answer", object{"times": 0})
		ended := make(chan error, 1)
		go func() { ended <- second(client.Get(background, d.profile)) }()
		eventually(t, "the request is under way", func() bool { return requests(t, "api") == 1 })
		app.Shutdown()
		control(t, "reset", nil)
		dup, err := client.Dup()
		ok(t, err)
		ctx, cancel := contextWithCancel()
		defer cancel()
		for _, err := range []error{
			<-ended, second(client.Get(background, d.profile)), second(client.Get(ctx, d.profile)), client.Refresh(background),
			second(dup.Get(background, d.profile)), second(app.Login(background, func(string) error { return nil }, nil)),
		} {
			if !errors.Is(err, fitbit.ErrCancelled) {
				t.Error(err)
			}
		}
		ok(t, dup.Close())
		tokens.fails(nil)
		ok(t, client.Save())
		token, err := client.Token()
		ok(t, err)
		if saved := tokens.all(); saved[len(saved)-1] != token {
			t.Error("the token was not saved after the shutdown")
		}
		ok(t, client.Close())
		ok(t, app.Close())
		app.Shutdown()
	})
}

// endWhile lets a context end while a request of a kind is under way, and gives the call's error.
func endWhile(t *testing.T, kind string, use func(context.Context) error) error {
	t.Helper()
	fault(t, kind, "latency", object{"ms": 500})
	ctx, cancel := contextWithCancel()
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- use(ctx) }()
	eventually(t, "the request is under way", func() bool { return requests(t, kind) == 1 })
	cancel()
	return <-ended
}

func TestASingleUseRenewalThatWasSentIsFinishedAndSaved(t *testing.T) {
	d := dialects[0]
	control(t, "reset", nil)
	client, tokens := d.client(t, 3600, fitbit.WithTimeout(forever))
	if err := endWhile(t, "refresh", client.Refresh); err != context.Canceled {
		t.Error(err)
	}
	token, err := client.Token()
	ok(t, err)
	if saved := tokens.all(); len(saved) != 1 || saved[0] != token || requests(t, "refresh") != 1 {
		t.Errorf("%d renewals, %d saved", requests(t, "refresh"), len(saved))
	}
	_, err = client.Get(background, d.profile)
	ok(t, err)
	ok(t, client.Close())
}

func TestARenewalAtGoogleEndsWithItsContextAndTheNextCallReadsIt(t *testing.T) {
	d := dialects[1]
	control(t, "reset", nil)
	client, tokens := d.client(t, -10, fitbit.WithTimeout(forever))
	before, err := client.Token()
	ok(t, err)
	fault(t, "refresh", "latency", object{"ms": 3000})
	ctx, cancel := contextWithCancel()
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- second(client.Get(ctx, d.profile)) }()
	eventually(t, "the renewal is under way", func() bool { return requests(t, "refresh") == 1 })
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if token, err := client.Token(); err != nil || token != before || len(tokens.all()) != 0 {
		t.Error("the call waited for the response", err)
	}
	_, err = client.Get(background, d.profile)
	ok(t, err)
	token, err := client.Token()
	ok(t, err)
	if saved := tokens.all(); len(saved) != 1 || saved[0] != token || requests(t, "refresh") != 1 {
		t.Errorf("%d renewals, %d saved", requests(t, "refresh"), len(saved))
	}
	ok(t, client.Close())
}

func TestCallsWithLessTimeThanARenewalNeedsGetANewToken(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, tokens := d.client(t, -10, fitbit.WithTimeout(500*time.Millisecond))
		fault(t, "refresh", "latency", object{"ms": 1500})
		if _, err := client.Get(background, d.profile); !errors.Is(err, fitbit.ErrTimeout) {
			t.Error(err)
		}
		eventually(t, "a call has a new token", func() bool { return second(client.Get(background, d.profile)) == nil })
		if saves := len(tokens.all()); saves != 1 || requests(t, "refresh") != 1 {
			t.Errorf("%d renewals, %d saved", requests(t, "refresh"), saves)
		}
		ok(t, client.Close())
	})
}

func TestAnExchangeThatWasSentMakesAClient(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t, fitbit.WithTimeout(forever))
		uri, session, err := app.StepOne(nil)
		ok(t, err)
		back, err := visit(uri, "grant")
		ok(t, err)
		var tokens store
		var client *fitbit.Client
		ok(t, endWhile(t, "exchange", func(ctx context.Context) (err error) {
			client, err = app.StepTwo(ctx, session, back, tokens.save)
			return err
		}))
		if saves := len(tokens.all()); saves != 1 {
			t.Errorf("%d saved", saves)
		}
		_, err = client.Get(background, d.profile)
		ok(t, err)
		ok(t, client.Close())
		ok(t, app.Close())
	})
}

func TestContextsThatEndAtAnyMomentLeaveNothingBehind(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		for _, kind := range []string{"latency", "stall_before_answer"} {
			fault(t, "api", kind, object{"ms": 1, "times": 0})
			getAtAnyMoment(t, client, d.profile)
		}
		ok(t, client.Close())
	})
}

func getAtAnyMoment(t *testing.T, client *fitbit.Client, path string) {
	var all sync.WaitGroup
	for i := 0; i < 16; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; j < 20; j++ {
				ctx, cancel := context.WithTimeout(background, time.Duration(i*j*10)*time.Microsecond)
				_, err := client.Get(ctx, path)
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}
		}(i)
	}
	all.Wait()
}

// endsAtOnce is a context that has not ended when a call looks, and has when it begins to wait.
type endsAtOnce struct {
	context.Context
	seen bool
}

func (c *endsAtOnce) Err() error {
	if c.seen {
		return context.Canceled
	}
	c.seen = true
	return nil
}

func TestAContextThatEndsBeforeTheCallBeginsEndsItToo(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		fault(t, "api", "stall_before_answer", object{"times": 0})
		ended, end := contextWithCancel()
		end()
		for i := 0; i < 20; i++ {
			if _, err := client.Get(&endsAtOnce{Context: ended}, d.profile); err != context.Canceled {
				t.Error(err)
			}
		}
		ok(t, client.Close())
	})
}
