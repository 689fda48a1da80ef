package mishikallm_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// What a call costs beside the server: the library answers itself.
func BenchmarkCall(b *testing.B) {
	raw := json.RawMessage(`{"model":"triton/x","api_base":"http://h:1","messages":[{"role":"user","content":"hi"}],"mock_response":"Good morning."}`)
	typed := mishikallm.ChatCompletionRequest{
		Model: "triton/x", Messages: []mishikallm.Message{mishikallm.UserMessage("hi")},
		Options: mishikallm.Options{APIBase: "http://h:1", MockResponse: mishikallm.Ptr("Good morning.")},
	}
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, way := range []struct {
		name    string
		ctx     context.Context
		request mishikallm.ChatCompletionRequest
	}{
		{"typed, never cancelled", context.Background(), typed},
		{"typed, may be cancelled", cancellable, typed},
		{"raw, never cancelled", context.Background(), mishikallm.ChatCompletionRequest{Raw: raw}},
		{"raw, may be cancelled", cancellable, mishikallm.ChatCompletionRequest{Raw: raw}},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := mishikallm.Default().ChatCompletion(way.ctx, way.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, ctx := range map[string]context.Context{"json, never cancelled": context.Background(), "json, may be cancelled": cancellable} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if _, err := mishikallm.Default().Invoke(ctx, "chat.completions", raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
