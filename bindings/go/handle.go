package fitbit

// handle is something of the library's: freed by Close, but never while a call uses it. A call refers
// to the handle until it has returned; as the handle is a part of its owner, no finaliser runs earlier.
type handle struct {
	core *core
	// free must not refer to the handle's owner, which would then never be collected.
	free func() error

	// The core's mutex guards calls and closed.
	calls  int
	closed bool
	// err is what Close returns. It is there once freed is closed.
	err   error
	freed chan struct{}
}

func newHandle(shared *core, free func() error) handle {
	return handle{core: shared, free: free, freed: make(chan struct{})}
}

func (h *handle) enter() error {
	h.core.mutex.Lock()
	defer h.core.mutex.Unlock()
	if h.closed {
		return ErrClosed
	}
	h.calls++
	return nil
}

func (h *handle) leave() {
	h.core.mutex.Lock()
	h.calls--
	last := h.closed && h.calls == 0
	h.core.mutex.Unlock()
	if last {
		h.end()
	}
}

// close frees the handle when the last call has left, and waits for that; not in a callback, which a
// call may be waiting for.
func (h *handle) close() error {
	h.core.mutex.Lock()
	last := !h.closed && h.calls == 0
	h.closed = true
	h.core.mutex.Unlock()
	if last {
		h.end()
	} else if inCallback() {
		return nil
	}
	<-h.freed
	return h.err
}

func (h *handle) end() {
	h.err = h.free()
	close(h.freed)
}
