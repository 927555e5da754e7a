package fitbit

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"sync"
	"time"
)

// core is what an app shares with its clients; it lives until the last of them is closed.
type core struct {
	app     *C.FitbitApp
	loggers []cgo.Handle

	mutex  sync.Mutex
	owners int
	// The calls that run, and those of them that nobody waits for any more.
	running, abandoned int
	endsAgain          bool
}

// pending is one call's state, guarded by the core's mutex.
type pending struct {
	abandoned, ended bool
}

func (c *core) retain() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.owners++
}

func (c *core) release() {
	c.mutex.Lock()
	c.owners--
	last := c.owners == 0
	c.mutex.Unlock()
	if last {
		C.fitbit_app_free(c.app)
		for _, logger := range c.loggers {
			logger.Delete()
		}
	}
}

// cancel ends the calls that run now.
func (c *core) cancel() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.owners > 0 {
		C.fitbit_app_cancel(c.app)
	}
}

func (c *core) begin() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.running++
}

// end tells whether the call was abandoned meanwhile.
func (c *core) end(call *pending) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	call.ended = true
	c.running--
	if call.abandoned {
		c.abandoned--
	}
	c.endAbandoned()
	return call.abandoned
}

// abandon tells whether it came in time: whether the call still runs.
func (c *core) abandon(call *pending) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if call.ended {
		return false
	}
	call.abandoned = true
	c.abandoned++
	c.endAbandoned()
	return true
}

// endAbandoned ends all calls of the app, where nobody waits for any of them. The mutex, which is held,
// keeps others from beginning. What is counted may not have begun in the library: so it is done again
// until they have ended.
func (c *core) endAbandoned() {
	if c.running == 0 || c.abandoned < c.running {
		return
	}
	C.fitbit_app_cancel(c.app)
	if c.endsAgain {
		return
	}
	c.endsAgain = true
	time.AfterFunc(20*time.Millisecond, func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.endsAgain = false
		c.endAbandoned()
	})
}
