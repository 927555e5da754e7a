package fitbit

import (
	"context"
	"io"
)

// result is what a call ended with.
type result[T any] struct {
	value    T
	err      error
	panicked *CallbackPanic
}

func made[T any](use func(*arguments) (T, error)) (r result[T]) {
	var args arguments
	defer args.free()
	r.panicked = carry(func() { r.value, r.err = use(&args) })
	return r
}

func (r result[T]) get() (T, error) {
	if r.panicked != nil {
		r.drop()
		panic(r.panicked)
	}
	return r.value, r.err
}

// drop frees what nobody gets, and says what nobody else would.
func (r result[T]) drop() (err error) {
	if closer, ok := any(r.value).(io.Closer); ok && r.err == nil {
		err = closer.Close()
	}
	if r.panicked != nil {
		err = r.panicked
	}
	return err
}

// call makes one call of the library with these handles, until the context ends.
func call[T any](ctx context.Context, use func(*arguments) (T, error), on ...*handle) (none T, err error) {
	if err := ctx.Err(); err != nil {
		return none, err
	}
	for i, handle := range on {
		if err := handle.enter(); err != nil {
			leave(on[:i])
			return none, err
		}
	}
	shared := on[0].core
	var state pending
	shared.begin()
	// In a callback the library has to see that it is called on the callback's own thread.
	if ctx.Done() == nil || inCallback() {
		r := made(use)
		shared.end(&state)
		leave(on)
		return r.get()
	}
	done := make(chan result[T], 1)
	go func() {
		r := made(use)
		if shared.end(&state) {
			on[0].note(r.drop())
		}
		leave(on)
		done <- r
	}()
	select {
	case r := <-done:
		return r.get()
	case <-ctx.Done():
	}
	if shared.abandon(&state) {
		return none, ctx.Err()
	}
	return (<-done).get()
}

func leave(handles []*handle) {
	for _, handle := range handles {
		handle.leave()
	}
}

// run is a call without a result.
func (h *handle) run(ctx context.Context, use func(*arguments) error) error {
	_, err := call(ctx, func(args *arguments) (struct{}, error) { return struct{}{}, use(args) }, h)
	return err
}
