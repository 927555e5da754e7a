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
		fault(t, "api", "latency", object{"path": d.profile, "ms": 700})
		fault(t, "api", "stall_before_answer", object{"path": d.sleep[:len(d.sleep)-12], "times": 0})
		others := make(chan error, 1)
		go func() { others <- second(client.Get(background, d.profile)) }()
		eventually(t, "the other request is under way", func() bool { return requests(t, "api") == 1 })
		ctx, cancel := soon()
		defer cancel()
		if _, err := client.Get(ctx, d.sleep); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// Close waits for both: the abandoned one is ended as soon as it is alone.
		ok(t, client.Close())
		ok(t, <-others)
	})
}

func TestCancelEndsEveryCall(t *testing.T) {
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
		ok(t, client.Close())
		ok(t, app.Close())
		app.Cancel()
	})
}

// abandon lets a context end while a request of a kind is under way, whose answer cannot bring the call
// to its end before: what it saves waits until the call has returned.
func abandon(t *testing.T, kind string, save fitbit.SaveFunc, use func(context.Context, fitbit.SaveFunc) error) {
	t.Helper()
	fault(t, kind, "latency", object{"ms": 200})
	returned := make(chan struct{})
	ctx, cancel := contextWithCancel()
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- use(ctx, func(token string) error {
			<-returned
			return save(token)
		})
	}()
	eventually(t, "the request is under way", func() bool { return requests(t, kind) == 1 })
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	close(returned)
}

func TestARenewalThatNobodyWaitsForIsFinishedAndSaved(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t, fitbit.WithTimeout(forever))
		defer app.Close()
		token := d.token(t, 3600)
		var client *fitbit.Client
		var tokens store
		abandon(t, "refresh", tokens.save, func(ctx context.Context, save fitbit.SaveFunc) (err error) {
			if client, err = app.FromToken(token, save); err != nil {
				return err
			}
			return client.Refresh(ctx)
		})
		ok(t, client.Close())
		if refreshes, saves := requests(t, "refresh"), len(tokens.all()); refreshes != 1 || saves != 1 {
			t.Errorf("%d renewals, %d saved", refreshes, saves)
		}
	})
}

func TestAnExchangeThatNobodyWaitsForIsFinishedAndSaved(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := d.app(t, fitbit.WithTimeout(forever))
		uri, session, err := app.StepOne(nil)
		ok(t, err)
		back, err := visit(uri, "grant")
		ok(t, err)
		var tokens store
		abandon(t, "exchange", tokens.save, func(ctx context.Context, save fitbit.SaveFunc) error {
			return second(app.StepTwo(ctx, session, back, save))
		})
		ok(t, app.Close())
		if saves := len(tokens.all()); saves != 1 {
			t.Errorf("%d saved", saves)
		}
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

func TestACallThatIsAbandonedBeforeItBeginsIsEndedToo(t *testing.T) {
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
