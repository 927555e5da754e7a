package fitbit_test

// A context ends a call wherever it waits, and what the call used is free then.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.org/fitbit"
)

// promised is how long a call may go on when its context has ended.
const promised = 100 * time.Millisecond

// endsSoon ends contexts of calls that wait for ever, and compares the median with the promise.
func endsSoon(t *testing.T, stage string, use func(context.Context) error) {
	t.Helper()
	var times []time.Duration
	for i := 0; i < 11; i++ {
		ctx, cancel := contextWithCancel()
		ended := make(chan error, 1)
		go func() { ended <- use(ctx) }()
		select {
		case err := <-ended:
			t.Fatalf("%s: the call did not wait: %v", stage, err)
		case <-time.After(30 * time.Millisecond):
		}
		begin := time.Now()
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("%s: %v", stage, err)
		}
		times = append(times, time.Since(begin))
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	t.Logf("%s: median %s, longest %s", stage, times[5], times[10])
	if times[5] > promised {
		t.Errorf("%s: calls ended only after %s", stage, times)
	}
}

func TestAContextEndsACallWhereverItWaits(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever), fitbit.WithRateLimitWait(time.Hour))
		get := func(ctx context.Context) error { return second(client.Get(ctx, d.profile)) }

		fault(t, "api", "stall_before_answer", object{"times": 0})
		endsSoon(t, "a response", get)
		control(t, "reset", nil)
		fault(t, "api", "status_429_retry_after", object{"seconds": 600, "times": 0})
		endsSoon(t, "a rate limit", get)
		control(t, "reset", nil)
		ok(t, client.Close())

		if d.provider == fitbit.GoogleHealth {
			client, _ = d.client(t, -10, fitbit.WithTimeout(forever))
			fault(t, "refresh", "stall_before_answer", object{"times": 0})
			endsSoon(t, "the response to a renewal that can be repeated", get)
			ok(t, client.Close())
			control(t, "reset", nil)
		}

		nowhere := silent(t)
		client, _ = d.client(t, 3600, fitbit.WithTimeout(forever), fitbit.WithEndpoint(fitbit.APIEndpoint, nowhere))
		endsSoon(t, "a connection", get)
		ok(t, client.Close())

		client, _ = d.client(t, -10, fitbit.WithTimeout(forever), fitbit.WithEndpoint(fitbit.TokenEndpoint, nowhere))
		leader, end := contextWithCancel()
		led := make(chan error, 1)
		go func() { led <- get(leader) }()
		time.Sleep(50 * time.Millisecond)
		endsSoon(t, "another goroutine's renewal", get)
		end()
		if err := <-led; err != context.Canceled {
			t.Error(err)
		}
		ok(t, client.Close())
	})
}

func TestAContextEndsACallThatWaitsForATokenFile(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
		path := filepath.Join(t.TempDir(), "token.json")
		ok(t, client.SetTokenFile(path))
		lock, err := os.OpenFile(path+".lock", os.O_RDWR, 0)
		ok(t, err)
		ok(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
		endsSoon(t, "a token file's lock", client.Refresh)
		ok(t, lock.Close())
		ok(t, client.Refresh(background))
		ok(t, client.Close())
	})
}

func TestAContextEndsALoginThatNobodyAnswers(t *testing.T) {
	forEach(t, func(t *testing.T, d dialect) {
		app := loginApp(t, d)
		endsSoon(t, "a person", func(ctx context.Context) error {
			return second(app.Login(ctx, func(string) error { return nil }, nil))
		})
		ok(t, app.Close())
	})
}

// used is how many threads and sockets this process has.
type used struct{ threads, sockets int }

func (u *used) most(other used) {
	if other.threads > u.threads {
		u.threads = other.threads
	}
	if other.sockets > u.sockets {
		u.sockets = other.sockets
	}
}

func now(t *testing.T) (u used) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	ok(t, err)
	u.threads = len(tasks)
	files, err := os.ReadDir("/proc/self/fd")
	ok(t, err)
	for _, file := range files {
		// It may have been closed meanwhile.
		target, _ := os.Readlink("/proc/self/fd/" + file.Name())
		if strings.HasPrefix(target, "socket:") {
			u.sockets++
		}
	}
	return u
}

// watch tells how much this process used at most, and how often a count went up.
func watch(t *testing.T, length time.Duration, count *int64) (most used, counted int64) {
	t.Helper()
	before := atomic.LoadInt64(count)
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		most.most(now(t))
	}
	return most, atomic.LoadInt64(count) - before
}

// ofItsOwn is set in the process that the next test runs in.
const ofItsOwn = "FITBIT_GO_OF_ITS_OWN"

func TestEndedCallsGiveTheirThreadsAndSocketsBack(t *testing.T) {
	if os.Getenv(ofItsOwn) == "" {
		// Go keeps the threads of earlier tests, and would use them.
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		command.Env = append(os.Environ(), ofItsOwn+"=1")
		output, err := command.CombinedOutput()
		t.Logf("%s", output)
		ok(t, err)
		return
	}
	control(t, "reset", nil)
	length := 10 * time.Second
	if os.Getenv("FITBIT_LONG") != "" {
		length = 30 * time.Second
	}
	d := dialects[0]
	client, _ := d.client(t, 3600, fitbit.WithTimeout(forever))
	lost, _ := d.client(t, 3600, fitbit.WithTimeout(forever), fitbit.WithEndpoint(fitbit.APIEndpoint, silent(t)))
	fault(t, "api", "stall_before_answer", object{"path": d.sleep[:len(d.sleep)-12], "times": 0})

	var all sync.WaitGroup
	var healthy int64
	stopped, stop := contextWithCancel()
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for ; stopped.Err() == nil; time.Sleep(10 * time.Millisecond) {
				if _, err := client.Get(background, d.profile); err != nil {
					t.Error(err)
				}
				atomic.AddInt64(&healthy, 1)
			}
		}()
	}
	watch(t, time.Second, &healthy)
	alone, rate := watch(t, length/2, &healthy)

	var ended int64
	all.Add(1)
	go func() {
		defer all.Done()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; stopped.Err() == nil; i++ {
			<-tick.C
			caller := client
			if i%2 == 1 {
				caller = lost
			}
			all.Add(1)
			go func() {
				defer all.Done()
				ctx, cancel := soon()
				defer cancel()
				if _, err := caller.Get(ctx, d.sleep); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				atomic.AddInt64(&ended, 1)
			}()
		}
	}()
	beside, besideRate := watch(t, length, &healthy)
	stop()
	all.Wait()
	fmt.Printf("alone: %+v, %d healthy calls a second; beside %d calls that ended: %+v, %d healthy calls a second\n",
		alone, rate*2/int64(length/time.Second), ended, beside, besideRate/int64(length/time.Second))
	if beside.threads > alone.threads+20 || beside.sockets > alone.sockets+20 {
		t.Error("calls that have ended keep something")
	}
	if ended < 30*int64(length/time.Second) {
		t.Errorf("only %d calls", ended)
	}
	if besideRate < rate {
		t.Error("healthy calls are harmed: fewer in the whole time than alone in the half of it")
	}
	ok(t, lost.Close())
	ok(t, client.Close())
}
