package fitbit

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"sync"
)

// core is what an app shares with its clients; it lives until the last of them is closed.
type core struct {
	app     *C.FitbitApp
	loggers []cgo.Handle

	mutex  sync.Mutex
	owners int
}

func (c *core) retain() {
	c.add(&c.owners, 1)
}

func (c *core) release() {
	if c.add(&c.owners, -1) > 0 {
		return
	}
	C.fitbit_app_free(c.app)
	for _, logger := range c.loggers {
		logger.Delete()
	}
}

// add changes a count that the mutex guards, and gives the new one.
func (c *core) add(count *int, change int) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	*count += change
	return *count
}

// whileAlive uses the app, unless it was freed.
func (c *core) whileAlive(use func(*C.FitbitApp)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.owners > 0 {
		use(c.app)
	}
}
