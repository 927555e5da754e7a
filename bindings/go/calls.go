package fitbit

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"io"
	"sync"
)

// call makes one call of the library on this goroutine. The handles stay open until it has returned.
func call[T any](use func(*arguments) (T, error), on ...*handle) (value T, err error) {
	for i, handle := range on {
		if err := handle.enter(); err != nil {
			leave(on[:i])
			return value, err
		}
	}
	var args arguments
	panicked := carry(func() { value, err = use(&args) })
	args.free()
	leave(on)
	if panicked == nil {
		return value, err
	}
	if closer, ok := any(value).(io.Closer); ok && err == nil {
		closer.Close()
	}
	panic(panicked)
}

func leave(handles []*handle) {
	for _, handle := range handles {
		handle.leave()
	}
}

// run is a call without a result.
func (h *handle) run(use func(*arguments) error) error {
	_, err := call(func(args *arguments) (struct{}, error) { return struct{}{}, use(args) }, h)
	return err
}

// kind is what the library does with handles of one kind.
type kind[H any] struct {
	dup         func(of H, dup *H) *C.FitbitError
	abort, free func(H)
}

var apps = kind[*C.FitbitApp]{
	dup:   func(app *C.FitbitApp, dup **C.FitbitApp) *C.FitbitError { return C.fitbit_app_dup(app, dup) },
	abort: func(app *C.FitbitApp) { C.fitbit_app_abort(app) },
	free:  func(app *C.FitbitApp) { C.fitbit_app_free(app) },
}

var clients = kind[*C.FitbitClient]{
	dup:   func(client *C.FitbitClient, dup **C.FitbitClient) *C.FitbitError { return C.fitbit_dup(client, dup) },
	abort: func(client *C.FitbitClient) { C.fitbit_abort(client) },
	free:  func(client *C.FitbitClient) { C.fitbit_free(client) },
}

// until uses a handle until the context ends. The library ends all calls of a handle, and for good. So a
// call whose context can end gets a handle of its own.
func until[H, T any](ctx context.Context, kind kind[H], shared H, use func(H) (T, error)) (value T, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	if ctx.Done() == nil {
		return use(shared)
	}
	var own H
	if err := failure(kind.dup(shared, &own)); err != nil {
		return value, err
	}
	defer kind.free(own)
	defer whenDone(ctx, func() { kind.abort(own) })()
	value, err = use(own)
	if ended := ctx.Err(); ended != nil && errors.Is(err, ErrCancelled) {
		return value, ended
	}
	return value, err
}

// whenDone calls end when the context ends, unless stop comes first. After stop has returned, end does
// not run. It is context.AfterFunc of later versions of Go, whose stop does not wait for end.
func whenDone(ctx context.Context, end func()) (stop func()) {
	var mutex sync.Mutex
	over, stopped := false, make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			mutex.Lock()
			defer mutex.Unlock()
			if !over {
				end()
			}
		case <-stopped:
		}
	}()
	return func() {
		close(stopped)
		mutex.Lock()
		defer mutex.Unlock()
		over = true
	}
}
