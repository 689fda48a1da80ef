package mishikallm

import (
	"container/list"
	"context"
	"sync"
)

// defaultMaxThreads is a tenth of what Go lets a process have, see debug.SetMaxThreads.
const defaultMaxThreads = 1000

// SetMaxThreads sets how many goroutines of this process may wait inside the C library at once, and returns the setting
// before. It is 1000 at first. A number below 1 changes nothing.
//
// Each of them holds a thread of the operating system, and Go ends a program that has more than 10,000 threads. The
// goroutines beyond the bound wait for their turn, in order; a context that is done ends that waiting too. A stream holds a
// thread only while it waits for its next chunk.
func SetMaxThreads(threads int) int {
	return inC.resize(threads)
}

// inC has the turns of all that may wait inside C.
var inC = turns{limit: defaultMaxThreads}

// turns is a semaphore: first come, first served, and its size may change.
type turns struct {
	mu      sync.Mutex
	limit   int
	taken   int
	waiting list.List // of chan struct{}, which is closed when its turn has come
}

// take waits for a turn, which must be given back. It returns false when one of the channels is closed first.
func (t *turns) take(done, closed, clientClosed <-chan struct{}) bool {
	t.mu.Lock()
	if t.taken < t.limit && t.waiting.Len() == 0 {
		t.taken++
		t.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	place := t.waiting.PushBack(turn)
	t.mu.Unlock()

	select {
	case <-turn:
		return true
	case <-done:
	case <-closed:
	case <-clientClosed:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-turn: // it came in the meantime, and somebody else can have it
		t.taken--
		t.admit()
	default:
		t.waiting.Remove(place)
	}
	return false
}

// giveBack ends a turn.
func (t *turns) giveBack() {
	t.mu.Lock()
	t.taken--
	t.admit()
	t.mu.Unlock()
}

func (t *turns) resize(limit int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.limit
	if limit >= 1 {
		t.limit = limit
		t.admit()
	}
	return before
}

// admit lets as many in as there is room for. The lock is held.
func (t *turns) admit() {
	for t.taken < t.limit && t.waiting.Len() > 0 {
		t.taken++
		close(t.waiting.Remove(t.waiting.Front()).(chan struct{}))
	}
}

// takeTurn waits for a turn inside C, as long as the context is not done, and neither the stream nor the client is closed.
func takeTurn(ctx context.Context, streamClosed, clientClosed <-chan struct{}) error {
	if inC.take(ctx.Done(), streamClosed, clientClosed) {
		return nil
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	select {
	case <-clientClosed:
		return closedError("the client was closed")
	default:
		return closedError("the stream was closed")
	}
}
