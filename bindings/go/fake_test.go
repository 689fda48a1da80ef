package mishikallm_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// fake is a server for what a real Triton won't do: answers that are late, wrong, or never come. It is called under an
// endpoint's URL, so that no metadata is asked for.
type fake struct {
	*httptest.Server
	// begun gets a value for each request that has arrived, gone for each whose client hung up.
	begun, gone chan struct{}
	bodies      chan []byte
	requests    atomic.Int64
}

// serve answers each request with handle.
func serve(t testing.TB, handle http.HandlerFunc) *fake {
	t.Helper()
	made := &fake{begun: make(chan struct{}, 1<<16), gone: make(chan struct{}, 1<<16), bodies: make(chan []byte, 64)}
	made.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		made.requests.Add(1)
		select {
		case made.bodies <- body:
		default:
		}
		made.begun <- struct{}{}
		handle(w, r)
		if r.Context().Err() != nil {
			made.gone <- struct{}{}
		}
	}))
	made.Start()
	t.Cleanup(func() {
		made.CloseClientConnections()
		made.Close()
	})
	return made
}

func (f *fake) generate() string   { return f.URL + "/m/generate" }
func (f *fake) embeddings() string { return f.URL + "/m/embeddings" }

// says answers a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"text_output": text})
	}
}

// hangs answers nothing until the client has gone.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drips sends events with a pause before each; without an end where there are to be fewer than none.
func drips(events int, pause time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("content-type", "text/event-stream")
		out := bufio.NewWriter(w)
		for i := 0; events < 0 || i < events; i++ {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pause):
			}
			fmt.Fprintf(out, "data: {\"text_output\":\"w%d \"}\n\n", i)
			_ = out.Flush()
			w.(http.Flusher).Flush()
		}
	}
}

// fails answers an error.
func fails(status int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"error":"the server's words"}`)
	}
}

func chat(base string) mishikallm.ChatCompletionRequest {
	return mishikallm.ChatCompletionRequest{
		Model: "triton/m", Messages: []mishikallm.Message{mishikallm.UserMessage("hi")},
		Options: mishikallm.Options{APIBase: base},
	}
}

func texts(base string, input ...string) mishikallm.EmbeddingRequest {
	return mishikallm.EmbeddingRequest{Model: "triton/m", Input: input, Options: mishikallm.Options{APIBase: base}}
}

// within fails a test that waits for too long.
func within(t testing.TB, limit time.Duration, what string, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(limit):
		t.Fatalf("%s: not within %v", what, limit)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so within %v: %s", soon, what)
		}
	}
}

// noLeaks fails a test that leaves goroutines behind.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		eventually(t, fmt.Sprintf("no more goroutines than the %d before", before), func() bool {
			return runtime.NumGoroutine() <= before
		})
	})
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// triton is a real server's URL; bindings/go/test starts one.
func triton(t testing.TB) string {
	t.Helper()
	url := os.Getenv("TRITON")
	if url == "" {
		t.Skip("needs a real Triton in TRITON: bindings/go/test starts one")
	}
	return url
}
