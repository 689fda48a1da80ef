package mishikallm

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestTurnsComeInOrderAndAreNotLost(t *testing.T) {
	turns := turns{limit: 1}
	if !turns.take(nil, nil, nil) {
		t.Fatal("the first has to wait")
	}
	var mu sync.Mutex
	var order []int
	var group sync.WaitGroup
	left := make(chan struct{})
	for i := range 6 {
		group.Add(1)
		done := (chan struct{})(nil)
		if i == 2 {
			done = left // it leaves before its turn
		}
		go func() {
			defer group.Done()
			if !turns.take(done, nil, nil) {
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			turns.giveBack()
		}()
		waits := func() int {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return turns.waiting.Len()
		}
		for waits() != i+1 {
			time.Sleep(time.Millisecond)
		}
	}
	close(left)
	for waiting := 6; waiting != 5; {
		turns.mu.Lock()
		waiting = turns.waiting.Len()
		turns.mu.Unlock()
	}
	turns.giveBack()
	group.Wait()
	if !slices.Equal(order, []int{0, 1, 3, 4, 5}) || turns.taken != 0 {
		t.Errorf("order %v, %d taken", order, turns.taken)
	}
}

func TestACountIsDroppedOnce(t *testing.T) {
	var c count
	if c.hold() {
		t.Error("nobody owns it")
	}
	c.own()
	if !c.hold() || c.isDisowned() {
		t.Error("it cannot be held")
	}
	if !c.disown() || c.disown() || !c.isDisowned() {
		t.Error("it is disowned other than once")
	}
	if !c.drop() || c.hold() {
		t.Error("the last one did not end it")
	}
}
