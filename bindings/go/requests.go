package fitbit

// #include "bridge.h"
import "C"

import (
	"context"
	"net/url"
	"runtime"
	"unsafe"
)

// Get sends a GET request. The path starts with a slash and may have a query; it is appended to the
// API endpoint. An answer with a status of 300 and above is an [*Error].
func (c *Client) Get(ctx context.Context, path string) (*Response, error) {
	return c.request(ctx, func(client *C.FitbitClient, args *arguments, response **C.FitbitResponse) *C.FitbitError {
		return C.fitbit_get(client, args.text(path), response)
	})
}

// Post sends a POST request with a form; nil: an empty one.
func (c *Client) Post(ctx context.Context, path string, form url.Values) (*Response, error) {
	encoded := form.Encode()
	return c.request(ctx, func(client *C.FitbitClient, args *arguments, response **C.FitbitResponse) *C.FitbitError {
		return C.fitbit_post(client, args.text(path), args.optional(encoded), response)
	})
}

// Delete sends a DELETE request.
func (c *Client) Delete(ctx context.Context, path string) (*Response, error) {
	return c.request(ctx, func(client *C.FitbitClient, args *arguments, response **C.FitbitResponse) *C.FitbitError {
		return C.fitbit_delete(client, args.text(path), response)
	})
}

// Do sends a request of any method, with any body; nil: none. contentType may be "".
func (c *Client) Do(ctx context.Context, method, path, contentType string, body []byte) (*Response, error) {
	return c.request(ctx, func(client *C.FitbitClient, args *arguments, response **C.FitbitResponse) *C.FitbitError {
		bytes, length := args.bytes(body)
		return C.fitbit_request(client, args.text(method), args.text(path), args.optional(contentType), bytes, length, response)
	})
}

// NextPage asks for the page that follows this one of a list; nil: that was the last.
func (c *Client) NextPage(ctx context.Context, page *Response) (*Response, error) {
	return c.request(ctx, func(client *C.FitbitClient, args *arguments, response **C.FitbitResponse) *C.FitbitError {
		return C.fitbit_next_page(client, page.c, response)
	}, &page.handle)
}

func (c *Client) request(
	ctx context.Context, send func(*C.FitbitClient, *arguments, **C.FitbitResponse) *C.FitbitError, more ...*handle,
) (*Response, error) {
	return callUntil(ctx, c, func(client *C.FitbitClient, args *arguments) (*Response, error) {
		var response *C.FitbitResponse
		err := c.failure(send(client, args, &response))
		if response == nil {
			return nil, err
		}
		return newResponse(c.core, response), nil
	}, more...)
}

// Response is what the API answered.
type Response struct {
	handle
	c *C.FitbitResponse

	// Status is from 200 to 299: anything else is an [*Error].
	Status int
	// Body is usually JSON. It is the program's own.
	Body []byte
}

func newResponse(shared *core, c *C.FitbitResponse) *Response {
	response := &Response{
		handle: newHandle(shared, func() error {
			C.fitbit_response_free(c)
			return nil
		}),
		c:      c,
		Status: int(C.fitbit_response_status(c)),
		Body:   append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(C.fitbit_response_body(c))), C.fitbit_response_body_len(c))...),
	}
	runtime.SetFinalizer(response, func(response *Response) { response.Close() })
	return response
}

// Header gives the value of a header, in upper or lower case; "": there is none.
func (r *Response) Header(name string) (value string) {
	r.run(func(args *arguments) error {
		value = C.GoString(C.fitbit_response_header(r.c, args.text(name)))
		return nil
	})
	return value
}

// Close frees what the library holds of the answer, early: the garbage collector would do it too.
// Status and Body stay; Header and [Client.NextPage] do not work any more.
func (r *Response) Close() error {
	if r == nil {
		return nil
	}
	runtime.SetFinalizer(r, nil)
	return r.close()
}
