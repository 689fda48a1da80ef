package mishikallm_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// threadsNow is how many threads this process has.
func threadsNow(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`Threads:\s*(\d+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no count of threads in %s", text)
	}
	threads, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return threads
}

func boundThreads(t testing.TB, threads int) {
	t.Helper()
	before := mishikallm.SetMaxThreads(threads)
	t.Cleanup(func() { mishikallm.SetMaxThreads(before) })
}

func TestManyGoroutinesHoldFewThreads(t *testing.T) {
	const bound = 100
	boundThreads(t, bound)
	noLeaks(t)
	var busy, most atomic.Int64
	// The first ones wait for each other, so that as many as are allowed are there at once, however slow the machine.
	full := make(chan struct{})
	var once sync.Once
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for now := busy.Add(1); ; {
			if high := most.Load(); now <= high || most.CompareAndSwap(high, now) {
				break
			}
		}
		if most.Load() >= bound {
			once.Do(func() { close(full) })
		}
		select {
		case <-full:
		case <-r.Context().Done():
		}
		time.Sleep(5 * time.Millisecond)
		busy.Add(-1)
		says("yes")(w, r)
	})
	client := must[*mishikallm.Client](t)(mishikallm.New(mishikallm.Config{}))
	defer client.Close()
	before := threadsNow(t)

	var group sync.WaitGroup
	var answered, failed atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range manyGoroutines {
		group.Add(1)
		go func() {
			defer group.Done()
			answer, err := client.ChatCompletion(ctx, chat(server.generate()))
			if err != nil || answer.Text() != "yes" {
				failed.Add(1)
				return
			}
			answered.Add(1)
		}()
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	within(t, soon, "as many as are allowed are at the server", full)
	threads := 0
	for over := false; !over; {
		select {
		case <-done:
			over = true
		case <-time.After(10 * time.Millisecond):
		}
		threads = max(threads, threadsNow(t))
	}
	t.Logf("%d calls, at most %d at once, at most %d threads (%d before)", answered.Load(), most.Load(), threads, before)
	if failed.Load() != 0 || answered.Load() != manyGoroutines {
		t.Errorf("%d calls failed", failed.Load())
	}
	if most.Load() > bound {
		t.Errorf("%d calls were at the server at once, and %d are allowed", most.Load(), bound)
	}
	// Beside those in C there are Go's own, a few for each processor.
	if threads > before+bound+50 {
		t.Errorf("%d threads, and there were %d before", threads, before)
	}
}

// holdTheOnlyThread lets one call wait inside C, and no other.
func holdTheOnlyThread(t *testing.T) (server *fake, release func()) {
	boundThreads(t, 1)
	server = serve(t, hangs)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if _, err := mishikallm.Default().ChatCompletion(ctx, chat(server.generate())); !errors.Is(err, context.Canceled) {
			t.Errorf("the call that holds the thread: %v", err)
		}
	}()
	<-server.begun
	return server, func() { cancel(); <-over }
}

func TestAContextEndsTheWaitForAThread(t *testing.T) {
	noLeaks(t)
	server, release := holdTheOnlyThread(t)
	defer release()
	for name, call := range calls {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if err := call(ctx, mishikallm.Default(), server); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
	if sent := server.requests.Load(); sent != 1 {
		t.Errorf("%d requests were sent", sent)
	}
}

func TestClosingEndsTheWaitForAThread(t *testing.T) {
	noLeaks(t)
	server, release := holdTheOnlyThread(t)
	defer release()

	client := must[*mishikallm.Client](t)(mishikallm.New(mishikallm.Config{}))
	time.AfterFunc(20*time.Millisecond, func() { _ = client.Close() })
	if _, err := client.ChatCompletion(context.Background(), chat(server.generate())); !errors.Is(err, mishikallm.ErrClosed) {
		t.Errorf("the client is closed: %v", err)
	}

	stream := must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
		mishikallm.Default().OpenChatCompletionStream(context.Background(), chat(server.generate())))
	time.AfterFunc(20*time.Millisecond, func() { _ = stream.Close() })
	if _, err := stream.Next(); !errors.Is(err, mishikallm.ErrClosed) {
		t.Errorf("the stream is closed: %v", err)
	}
}

func TestMoreThreadsLetThoseInWhoWait(t *testing.T) {
	noLeaks(t)
	server, release := holdTheOnlyThread(t)
	defer release()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := make(chan error, 1)
	go func() {
		_, err := mishikallm.Default().ChatCompletion(ctx, chat(server.generate()))
		over <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if got := mishikallm.SetMaxThreads(2); got != 1 {
		t.Errorf("the setting before was %d", got)
	}
	within(t, soon, "the second is let in", server.begun)
	if got := mishikallm.SetMaxThreads(0); got != 2 {
		t.Errorf("0 asks only: got %d", got)
	}
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
