package mishikallm

// #include "bridge.h"
import "C"

import "runtime"

// Client calls models: it has connections, what is known of models, and defaults for every request.
//
// It is for any number of goroutines at once: make one and keep it. The zero Client is the process-wide default client.
type Client struct {
	// handle is NULL in the default client, which nobody holds.
	handle *C.mishikallm_client
	users  count
	closed chan struct{}
}

var defaultClient Client

// Default returns the process-wide default client, whose requests each say where to call. It cannot be closed.
func Default() *Client { return &defaultClient }

// New makes a client. It opens no connection and starts no thread. Whoever made it calls Close.
func New(config Config) (*Client, error) {
	body, err := config.wire()
	if err != nil {
		return nil, err
	}
	made := C.go_client(cString(body))
	if made.client == nil {
		defer C.go_free(made.error.text, nil)
		return nil, refusal(goBytes(made.error), C.MISHIKALLM_CONFIG)
	}
	client := &Client{handle: made.client, closed: make(chan struct{})}
	client.users.own()
	// The net beneath who forgets to close it.
	runtime.SetFinalizer(client, func(client *Client) { _ = client.Close() })
	return client, nil
}

// Close ends every call under way on this client, at once, and lets it refuse new ones: they return an error that is
// ErrClosed. It may be called from any goroutine, any number of times. The error is always nil.
func (c *Client) Close() error {
	if c == nil || c.handle == nil || !c.users.hold() {
		return nil
	}
	if c.users.disown() {
		runtime.SetFinalizer(c, nil)
		close(c.closed)
		C.mishikallm_client_close(c.handle)
	}
	c.drop()
	return nil
}

// hold gives the handle to a call, which must drop it.
func (c *Client) hold() error {
	switch {
	case c == nil:
		return argumentError("client", "client: expected a client, got nil; look at the error of New")
	case c.handle == nil:
		return nil
	case c.users.isDisowned() || !c.users.hold():
		return closedError("the client was closed")
	}
	return nil
}

func (c *Client) drop() {
	if c.handle != nil && c.users.drop() {
		C.mishikallm_client_free(c.handle)
	}
}
