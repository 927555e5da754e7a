package fitbit

// #include "bridge.h"
import "C"

import (
	"strings"
	"unsafe"
)

// arguments are what one call of the library is given, in C's memory.
type arguments []unsafe.Pointer

// text makes a C string. One with a NUL in it cannot be made; it becomes one that is not UTF-8, which
// the library refuses by its name.
func (a *arguments) text(text string) *C.char {
	c := C.CString(strings.ReplaceAll(text, "\x00", "\xff"))
	*a = append(*a, unsafe.Pointer(c))
	return c
}

// optional makes NULL of an empty text.
func (a *arguments) optional(text string) *C.char {
	if text == "" {
		return nil
	}
	return a.text(text)
}

func (a *arguments) bytes(bytes []byte) (unsafe.Pointer, C.size_t) {
	if len(bytes) == 0 {
		return nil, 0
	}
	c := C.CBytes(bytes)
	*a = append(*a, c)
	return c, C.size_t(len(bytes))
}

func (a *arguments) free() {
	for _, c := range *a {
		C.free(c)
	}
}

// taken makes a Go string of one that the library gave out, and frees that.
func taken(c *C.char) string {
	defer C.fitbit_string_free(c)
	return C.GoString(c)
}
