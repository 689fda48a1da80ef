package mishikallm

// #include "bridge.h"
import "C"

import "context"

// The operations that have methods of their own, as C reads them.
var (
	chatCompletions = []byte("chat.completions\x00")
	completions     = []byte("completions\x00")
	embeddings      = []byte("embeddings\x00")
)

// call makes one call and returns the answer. Operation and request end in a NUL.
func (c *Client) call(ctx context.Context, operation, request []byte) ([]byte, error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	defer c.drop()
	if err := takeTurn(ctx, nil, c.closed); err != nil {
		return nil, err
	}
	defer inC.giveBack()

	whole, canBe := asWhole(operation, request)
	// What nobody can cancel needs no stream; and what asks for chunks is refused by the function that gives none.
	if ctx.Done() == nil || !canBe {
		answer := C.go_invoke(c.handle, cString(operation), cString(request))
		text := goBytes(answer)
		C.mishikallm_string_free(answer.text)
		return settle(ctx, answer.status, text)
	}
	pending, err := c.open(operation, whole)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, pending.cancel)
	answer := C.go_next(pending.handle)
	text := goBytes(answer)
	pending.end(stop, answer.text)
	return settle(ctx, answer.status, text)
}

// begin looks at what is wrong before anything is done, and holds the client.
func (c *Client) begin(ctx context.Context) error {
	if ctx == nil {
		return argumentError("ctx", "ctx: expected a context, got nil; context.Background() is one that is never done")
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return c.hold()
}

// settle makes of a status what the caller gets.
func settle(ctx context.Context, status C.int32_t, text []byte) ([]byte, error) {
	switch {
	case status == C.MISHIKALLM_OK:
		return text, nil
	case status == C.MISHIKALLM_CANCELLED && ctx.Err() != nil:
		return nil, contextError(ctx)
	default:
		return nil, errorFrom(status, text)
	}
}

// pending is a C stream that may be cancelled by a goroutine while it is read, and freed, by another.
type pending struct {
	handle *C.mishikallm_stream
	users  count
}

// open makes a stream of the library. The caller holds the client.
func (c *Client) open(operation, request []byte) (*pending, error) {
	opened := C.go_open(c.handle, cString(operation), cString(request))
	if opened.stream == nil {
		defer C.mishikallm_string_free(opened.error.text)
		return nil, refusal(goBytes(opened.error), C.MISHIKALLM_ARGUMENT)
	}
	made := &pending{handle: opened.stream}
	made.users.own()
	return made, nil
}

// cancel ends it at the server, unless it is freed already.
func (p *pending) cancel() {
	if p.users.hold() {
		C.mishikallm_stream_cancel(p.handle)
		p.drop()
	}
}

func (p *pending) drop() {
	if p.users.drop() {
		C.mishikallm_stream_free(p.handle)
	}
}

// end frees a text, and the stream too. stop is what context.AfterFunc gave.
func (p *pending) end(stop func() bool, text *C.char) {
	if stop() {
		// Nobody else knows it, so that both go in one crossing.
		C.go_free(text, p.handle)
		return
	}
	C.mishikallm_string_free(text)
	p.drop()
}
