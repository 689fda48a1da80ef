package mishikallm_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// soon is far more than anything takes, on a busy machine too: what is not over by then hangs.
const soon = time.Minute

// calls are the one-shot calls.
var calls = map[string]func(context.Context, *mishikallm.Client, *fake) error{
	"chat": func(ctx context.Context, client *mishikallm.Client, server *fake) error {
		_, err := client.ChatCompletion(ctx, chat(server.generate()))
		return err
	},
	"text": func(ctx context.Context, client *mishikallm.Client, server *fake) error {
		_, err := client.Completion(ctx, mishikallm.CompletionRequest{
			Model: "triton/m", Prompt: "hi", Options: mishikallm.Options{APIBase: server.generate()},
		})
		return err
	},
	"embedding": func(ctx context.Context, client *mishikallm.Client, server *fake) error {
		_, err := client.Embedding(ctx, texts(server.embeddings(), "a"))
		return err
	},
	"rows": func(ctx context.Context, client *mishikallm.Client, server *fake) error {
		_, err := client.EmbeddingRows(ctx, texts(server.embeddings(), "a"))
		return err
	},
	"invoke": func(ctx context.Context, client *mishikallm.Client, server *fake) error {
		_, err := client.Invoke(ctx, "server", map[string]string{"api_base": server.URL})
		return err
	},
	"stream": func(ctx context.Context, client *mishikallm.Client, server *fake) error {
		for _, err := range client.ChatCompletionStream(ctx, chat(server.generate())) {
			if err != nil {
				return err
			}
		}
		return nil
	},
}

func TestACancelledContextEndsTheCallAtTheServer(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			server := serve(t, hangs)
			ctx, cancel := context.WithCancelCause(context.Background())
			why := errors.New("the user left")
			go func() {
				<-server.begun
				cancel(why)
			}()
			err := call(ctx, mishikallm.Default(), server)
			for _, is := range []error{context.Canceled, mishikallm.ErrCancelled, why} {
				if !errors.Is(err, is) {
					t.Errorf("%v is not %v", err, is)
				}
			}
			within(t, soon, "the server's connection is closed", server.gone)
		})
	}
}

func TestADeadlineEndsTheCallAtTheServer(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			server := serve(t, hangs)
			// On a busy machine the first ones may end before the request is at the server.
			for limit := 50 * time.Millisecond; server.requests.Load() == 0; limit *= 2 {
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				err := call(ctx, mishikallm.Default(), server)
				cancel()
				var known *mishikallm.Error
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, mishikallm.ErrTimeout) ||
					!errors.As(err, &known) || !known.Timeout() {
					t.Fatalf("got %v", err)
				}
				if errors.Is(err, context.Canceled) {
					t.Errorf("%v is a cancel too", err)
				}
			}
			within(t, soon, "the server's connection is closed", server.gone)
		})
	}
}

// A time-out of the library's is not the context's.
func TestATimeoutOfTheCallIsNotTheContexts(t *testing.T) {
	server := serve(t, hangs)
	request := chat(server.generate())
	request.Timeout = 50 * time.Millisecond
	_, err := mishikallm.Default().ChatCompletion(context.Background(), request)
	if !errors.Is(err, mishikallm.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAContextThatIsDoneSendsNothing(t *testing.T) {
	server := serve(t, says("no"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, call := range calls {
		if err := call(ctx, mishikallm.Default(), server); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if server.requests.Load() != 0 {
		t.Errorf("%d requests were sent", server.requests.Load())
	}
}

// Cancels come at any time: before, during and after; what is freed must not be cancelled, which the race detector and the
// C library's own memory would tell.
func TestCancelsAtAnyTime(t *testing.T) {
	noLeaks(t)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "_stream") {
			drips(3, 0)(w, r)
		} else {
			says("all")(w, r)
		}
	})
	client := must[*mishikallm.Client](t)(mishikallm.New(mishikallm.Config{}))
	defer client.Close()
	var group sync.WaitGroup
	for range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range 150 {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, cancel)
				chunks := 0
				for _, err := range client.ChatCompletionStream(ctx, chat(server.generate())) {
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					chunks++
				}
				if _, err := client.ChatCompletion(ctx, chat(server.generate())); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				timer.Stop()
				cancel()
			}
		}()
	}
	group.Wait()
}

func TestLeavingALoopEndsTheStreamAtTheServer(t *testing.T) {
	noLeaks(t)
	server := serve(t, drips(-1, time.Millisecond))
	for chunk, err := range mishikallm.Default().ChatCompletionStream(context.Background(), chat(server.generate())) {
		if err != nil {
			t.Fatal(err)
		}
		if chunk.Text() == "w2 " {
			break
		}
	}
	within(t, soon, "the server's connection is closed", server.gone)
}

func TestAPanicInALoopEndsTheStream(t *testing.T) {
	noLeaks(t)
	server := serve(t, drips(-1, time.Millisecond))
	func() {
		defer func() { _ = recover() }()
		for range mishikallm.Default().ChatCompletionStream(context.Background(), chat(server.generate())) {
			panic("the caller's own")
		}
	}()
	within(t, soon, "the server's connection is closed", server.gone)
}

func TestACancelBetweenTwoChunksComesBeforeTheNext(t *testing.T) {
	server := serve(t, drips(100, 0))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream := must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
		mishikallm.Default().OpenChatCompletionStream(ctx, chat(server.generate())))
	for range 3 {
		if _, err := stream.Next(); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	for range 2 {
		if _, err := stream.Next(); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestAStreamGivesItsEndAgain(t *testing.T) {
	noLeaks(t)
	server := serve(t, drips(2, 0))
	ctx, cancel := context.WithCancel(context.Background())
	stream := must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
		mishikallm.Default().OpenChatCompletionStream(ctx, chat(server.generate())))
	text := ""
	for chunk, err := stream.Next(); err != io.EOF; chunk, err = stream.Next() {
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Text()
	}
	if text != "w0 w1 " {
		t.Errorf("got %q", text)
	}
	cancel()
	stream.Close()
	stream.Close()
	if _, err := stream.Next(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestClosingAStreamWhileAnotherGoroutineWaits(t *testing.T) {
	noLeaks(t)
	server := serve(t, hangs)
	stream := must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
		mishikallm.Default().OpenChatCompletionStream(context.Background(), chat(server.generate())))
	go func() {
		<-server.begun
		stream.Close()
	}()
	for range 2 {
		if _, err := stream.Next(); !errors.Is(err, mishikallm.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	within(t, soon, "the server's connection is closed", server.gone)
}

func TestAStreamThatIsForgottenIsClosed(t *testing.T) {
	noLeaks(t)
	server := serve(t, drips(-1, time.Millisecond))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	func() {
		stream := must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
			mishikallm.Default().OpenChatCompletionStream(ctx, chat(server.generate())))
		if _, err := stream.Next(); err != nil {
			t.Fatal(err)
		}
	}()
	eventually(t, "the server's connection is closed", func() bool {
		runtime.GC()
		return len(server.gone) == 1
	})
}

func TestTwoThatWaitForTheSameChunk(t *testing.T) {
	refused := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-refused
		drips(2, 0)(w, r)
	})
	stream := must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
		mishikallm.Default().OpenChatCompletionStream(context.Background(), chat(server.generate())))
	defer stream.Close()
	// There is no chunk before one of them is refused.
	got := make(chan error)
	for range 2 {
		go func() {
			_, err := stream.Next()
			got <- err
		}()
	}
	err := <-got
	close(refused)
	if !errors.Is(err, mishikallm.ErrRateLimit) {
		t.Errorf("one of two that wait got %v", err)
	}
	if err := <-got; err != nil {
		t.Errorf("the other got %v", err)
	}
	if _, err := stream.Next(); err != nil {
		t.Errorf("and then %v", err)
	}
}

func TestAnAnswerThatIsCutShortIsAnError(t *testing.T) {
	server := serve(t, drips(-1, time.Millisecond))
	chunks := 0
	var last error
	for _, err := range mishikallm.Default().ChatCompletionStream(context.Background(), chat(server.generate())) {
		if last = err; err == nil {
			if chunks++; chunks == 3 {
				server.CloseClientConnections()
			}
		}
	}
	if !errors.Is(last, mishikallm.ErrBadGateway) {
		t.Errorf("after %d chunks: %v", chunks, last)
	}
}
