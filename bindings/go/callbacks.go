package fitbit

// #include <stdint.h>
// #include "bridge.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"runtime/debug"
	"sync"
)

// SaveFunc takes every new token, the first one too, as JSON, and saves it so that the person never has
// to log in again. Nil: it is safely saved. Otherwise the client keeps the token, uses it, and offers it
// again before each later request, in [Client.Save] and in [Client.Close].
//
// It runs inside a call, one at a time for each client. Inside it [Client.Token] gives the new token;
// what would wait for it, such as a request of the same client, is [ErrInvalidArgument] at once.
// Others wait for it: hold no lock that it takes while you call this package. A SaveFunc that refers to
// its own client keeps that from being collected: close such a client.
type SaveFunc func(tokenJSON string) error

// CallbackPanic is what a panic of a callback becomes on its way through the library.
type CallbackPanic struct {
	// Value is what the callback panicked with.
	Value any
	// Stack is where it did.
	Stack []byte
}

func (p *CallbackPanic) Error() string {
	return fmt.Sprintf("fitbit: a callback panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap gives the value, where that is an error.
func (p *CallbackPanic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// carry lets use call the library, and fetches what a callback panicked with meanwhile: C frames must
// not be unwound. Until that is done the goroutine stays on the thread that keeps it.
func carry(use func()) *CallbackPanic {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	use()
	return exchange(0)
}

func exchange(panicked C.uintptr_t) *CallbackPanic {
	before := cgo.Handle(C.go_swap_panic(panicked))
	if before == 0 {
		return nil
	}
	defer before.Delete()
	return before.Value().(*CallbackPanic)
}

// guarded runs a callback and leaves a panic with the thread, for carry.
func guarded(callback func() error) (err error) {
	returned := false
	defer func() {
		if !returned {
			panicked := &CallbackPanic{recover(), debug.Stack()}
			exchange(C.uintptr_t(cgo.NewHandle(panicked)))
			err = panicked
		}
	}()
	err = callback()
	returned = true
	return err
}

// inCallback tells whether this goroutine is in a callback, which keeps it on its thread.
func inCallback() bool {
	return C.go_callback_depth() > 0
}

// receiver is a callback that can fail, and what it last returned.
type receiver struct {
	call  func(string) error
	mutex sync.Mutex
	last  error
}

// pointTo gives C a number for a callback; 0 for none. It holds until release.
func (r *receiver) pointTo() cgo.Handle {
	if r.call == nil {
		return 0
	}
	return cgo.NewHandle(r)
}

func release(number cgo.Handle) {
	if number != 0 {
		number.Delete()
	}
}

func (r *receiver) receive(text *C.char) C.int {
	err := guarded(func() error { return r.call(C.GoString(text)) })
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.last = err
	if err != nil {
		return 0
	}
	return 1
}

func (r *receiver) failed() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.last
}

func (r *receiver) forget() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.last = nil
}

//export goSave
func goSave(token *C.char, saver C.uintptr_t) C.int {
	return cgo.Handle(saver).Value().(*receiver).receive(token)
}

//export goOpen
func goOpen(uri *C.char, opener C.uintptr_t) C.int {
	return cgo.Handle(opener).Value().(*receiver).receive(uri)
}

//export goLog
func goLog(level C.FitbitLogLevel, message *C.char, logger C.uintptr_t) {
	log := cgo.Handle(logger).Value().(func(LogLevel, string))
	guarded(func() error {
		log(LogLevel(level), C.GoString(message))
		return nil
	})
}
