package mishikallm

// #include "bridge.h"
import "C"

import (
	"context"
	"io"
	"iter"
	"runtime"
	"sync"
)

// Stream is a call that gives its answer in chunks, for who wants to ask for each of them; most will rather range over what
// [Client.ChatCompletionStream] and the like give.
//
// One goroutine at a time may wait for a chunk. Close may be called from any.
type Stream[T any] struct {
	chunks *chunks
	decode func([]byte) (T, error)
}

// Next waits for the next chunk. The error is io.EOF when there is no more. An answer that was cut short never ends with
// io.EOF, and the chunks that came before an error are given before it. The end, however it came, is given again to who
// asks again.
func (s *Stream[T]) Next() (T, error) {
	text, err := s.chunks.next()
	runtime.KeepAlive(s)
	if err != nil {
		var none T
		return none, err
	}
	return s.decode(text)
}

// All gives the chunks that are left, for a loop. The stream is closed when the loop ends, however it ends.
func (s *Stream[T]) All() iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		defer s.Close()
		for {
			chunk, err := s.Next()
			if err == io.EOF || !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the stream at once, and with it the request at the server, if it is not over. It may be called from any
// goroutine, any number of times. The error is always nil.
func (s *Stream[T]) Close() error {
	s.chunks.close()
	runtime.KeepAlive(s)
	return nil
}

// openStream opens a stream; nothing is sent before its first chunk is asked for.
func openStream[T any](
	ctx context.Context, c *Client, operation, request []byte, decode func([]byte) (T, error),
) (*Stream[T], error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	defer c.drop()
	call, err := c.open(operation, request)
	if err != nil {
		return nil, err
	}
	inner := &chunks{ctx: ctx, client: c, call: call, closed: make(chan struct{})}
	inner.stop = context.AfterFunc(ctx, call.cancel)
	made := &Stream[T]{chunks: inner, decode: decode}
	// The net beneath who forgets to close it. The context knows only what is inside, so that it is no obstacle.
	runtime.SetFinalizer(made, func(s *Stream[T]) { s.chunks.close() })
	return made, nil
}

// ranged opens a stream for each loop over it, and closes it when the loop ends.
func ranged[T any](open func() (*Stream[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stream, err := open()
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		stream.All()(yield)
	}
}

// chunks is a stream, without the type of what it gives.
type chunks struct {
	ctx context.Context
	// A client that nobody knows any more is closed, and its calls with it.
	client *Client
	call   *pending
	stop   func() bool
	closed chan struct{}

	mu  sync.Mutex
	end error // how it ended; the call is given up then
}

func (s *chunks) next() ([]byte, error) {
	if err := s.ended(); err != nil {
		return nil, err
	}
	// The goroutine that cancels may not have run yet.
	if s.ctx.Err() != nil {
		return nil, s.finish(contextError(s.ctx))
	}
	if !s.call.users.hold() {
		return nil, s.ended()
	}
	defer s.call.drop()
	if err := takeTurn(s.ctx, s.closed, s.client.closed); err != nil {
		return nil, s.finish(err)
	}
	reply := C.go_next(s.call.handle)
	inC.giveBack()
	if reply.status == C.MISHIKALLM_DONE {
		return nil, s.finish(io.EOF)
	}
	text := goBytes(reply)
	C.mishikallm_string_free(reply.text)
	text, err := settle(s.ctx, reply.status, text)
	if err != nil && reply.status != C.MISHIKALLM_BUSY {
		err = s.finish(err)
	}
	return text, err
}

func (s *chunks) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

// finish gives up the call, and returns how it ended: the first time counts.
func (s *chunks) finish(end error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = end
		s.stop()
		if end != io.EOF {
			s.call.cancel()
		}
		close(s.closed)
		s.call.drop()
	}
	return s.end
}

func (s *chunks) close() { _ = s.finish(closedError("the stream was closed")) }
