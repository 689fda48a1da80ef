package mishikallm_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/mishikallm/mishikallm/bindings/go"
)

func TestCloseEndsCallsUnderWay(t *testing.T) {
	for name, call := range calls {
		for _, canEnd := range []bool{false, true} {
			noLeaks(t)
			server := serve(t, hangs)
			client := must[*mishikallm.Client](t)(mishikallm.New(mishikallm.Config{}))
			go func() {
				<-server.begun
				client.Close()
			}()
			ctx, cancel := context.Background(), func() {}
			if canEnd {
				ctx, cancel = context.WithCancel(ctx)
			}
			if err := call(ctx, client, server); !errors.Is(err, mishikallm.ErrClosed) {
				t.Errorf("%s: under way: %v", name, err)
			}
			if err := call(ctx, client, server); !errors.Is(err, mishikallm.ErrClosed) {
				t.Errorf("%s: after: %v", name, err)
			}
			cancel()
			within(t, soon, "the server's connection is closed", server.gone)
		}
	}
}

// Many close and call at once: each call has a clear end, and no handle is used after it is freed.
func TestCloseWhileOthersBegin(t *testing.T) {
	noLeaks(t)
	server := serve(t, says("yes"))
	for range 30 {
		client := must[*mishikallm.Client](t)(mishikallm.New(mishikallm.Config{}))
		var group sync.WaitGroup
		for i := range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				for range 5 {
					if _, err := client.ChatCompletion(ctx, chat(server.generate())); err != nil && !errors.Is(err, mishikallm.ErrClosed) {
						t.Error(err)
					}
					if i == 0 {
						client.Close()
					}
				}
			}()
		}
		group.Wait()
		client.Close()
	}
}

func TestAStreamOutlivesItsClientsVariable(t *testing.T) {
	server := serve(t, drips(4, 0))
	stream := func() *mishikallm.Stream[*mishikallm.ChatCompletionChunk] {
		client := must[*mishikallm.Client](t)(mishikallm.New(mishikallm.Config{}))
		return must[*mishikallm.Stream[*mishikallm.ChatCompletionChunk]](t)(
			client.OpenChatCompletionStream(context.Background(), chat(server.generate())))
	}()
	chunks := 0
	for _, err := range stream.All() {
		runtime.GC() // finalizers of what nobody knows run
		if err != nil {
			t.Fatal(err)
		}
		chunks++
	}
	if chunks != 5 { // the last one has the finish reason
		t.Errorf("%d chunks", chunks)
	}
}

func TestTheDefaultClientIsNeverClosed(t *testing.T) {
	server := serve(t, says("yes"))
	for _, client := range []*mishikallm.Client{mishikallm.Default(), {}} {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if _, err := client.ChatCompletion(context.Background(), chat(server.generate())); err != nil {
			t.Error(err)
		}
	}
}

func TestNilsAreErrors(t *testing.T) {
	server := serve(t, says("yes"))
	var none context.Context
	var nobody *mishikallm.Client
	for name, call := range calls {
		if err := call(none, mishikallm.Default(), server); !errors.Is(err, mishikallm.ErrBadRequest) {
			t.Errorf("%s: a nil context: %v", name, err)
		}
		if err := call(context.Background(), nobody, server); !errors.Is(err, mishikallm.ErrBadRequest) {
			t.Errorf("%s: a nil client: %v", name, err)
		}
	}
	if err := nobody.Close(); err != nil {
		t.Error(err)
	}
}
