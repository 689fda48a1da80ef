package mishikallm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

func TestAServersErrors(t *testing.T) {
	for status, kind := range map[int]mishikallm.Kind{
		400: mishikallm.ErrBadRequest, 401: mishikallm.ErrAuthentication, 403: mishikallm.ErrPermissionDenied,
		404: mishikallm.ErrNotFound, 408: mishikallm.ErrTimeout, 409: mishikallm.ErrBadRequest,
		413: mishikallm.ErrTooLarge, 422: mishikallm.ErrUnprocessable, 429: mishikallm.ErrRateLimit,
		500: mishikallm.ErrInternalServer, 501: mishikallm.ErrInternalServer, 502: mishikallm.ErrBadGateway,
		503: mishikallm.ErrServiceUnavailable, 504: mishikallm.ErrInternalServer,
	} {
		server := serve(t, fails(status))
		for name, call := range calls {
			if name == "invoke" {
				continue // it asks for something else
			}
			err := call(context.Background(), mishikallm.Default(), server)
			var known *mishikallm.Error
			if !errors.As(err, &known) {
				t.Fatalf("%d, %s: got %v", status, name, err)
			}
			if !errors.Is(err, kind) || known.Status != status || known.StatusName != "SERVER" || known.RetryAfter != nil ||
				known.Code != fmt.Sprint(status) || known.Type == "" {
				t.Errorf("%d, %s: got %+v", status, name, known)
			}
			if !strings.Contains(err.Error(), "the server's words") || !strings.Contains(err.Error(), string(kind)) {
				t.Errorf("%d, %s: it says %q", status, name, err)
			}
			for _, other := range []error{mishikallm.ErrCancelled, mishikallm.ErrClosed, context.Canceled} {
				if errors.Is(err, other) {
					t.Errorf("%d, %s: it is %v too", status, name, other)
				}
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	server := serve(t, fails(429, "retry-after: 7"))
	_, err := mishikallm.Default().ChatCompletion(context.Background(), chat(server.generate()))
	var known *mishikallm.Error
	if !errors.As(err, &known) || known.RetryAfter == nil || *known.RetryAfter != 7*time.Second {
		t.Errorf("got %+v", err)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	_, err := mishikallm.Default().ChatCompletion(context.Background(), chat("http://127.0.0.1:1/generate"))
	var known *mishikallm.Error
	if !errors.Is(err, mishikallm.ErrConnection) || !errors.As(err, &known) || known.StatusName != "CONNECT" {
		t.Errorf("got %v", err)
	}
}

func TestAMistakeNamesTheField(t *testing.T) {
	request := chat("http://127.0.0.1:1/generate")
	request.MaxTokens = mishikallm.Ptr(0)
	_, err := mishikallm.Default().ChatCompletion(context.Background(), request)
	var known *mishikallm.Error
	if !errors.Is(err, mishikallm.ErrBadRequest) || !errors.As(err, &known) || known.Param != "max_tokens" {
		t.Errorf("a request: %v", err)
	}
	_, err = mishikallm.New(mishikallm.Config{Timeout: -time.Second})
	if !errors.Is(err, mishikallm.ErrBadRequest) || !errors.As(err, &known) || known.Param != "timeout" || known.StatusName != "CONFIG" {
		t.Errorf("a configuration: %v", err)
	}
	for _, err := range mishikallm.Default().ChatCompletionStream(context.Background(), request) {
		if !errors.As(err, &known) || known.Param != "max_tokens" || known.StatusName != "ARGUMENT" {
			t.Errorf("a stream: %v", err)
		}
	}
}

func TestTextsThatCannotBeSent(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{ctx, context.Background()} {
		for name, request := range map[string]any{
			"a NUL byte":      json.RawMessage("{\"model\":\"\x00\"}"),
			"no UTF-8":        json.RawMessage("{\"model\":\"\xff\"}"),
			"no JSON":         json.RawMessage("{"),
			"nothing":         json.RawMessage(nil),
			"an empty text":   json.RawMessage(""),
			"a list":          json.RawMessage("[1]"),
			"no object":       "hi",
			"what JSON lacks": map[string]any{"model": make(chan int)},
		} {
			for _, operation := range []string{"chat.completions", "models"} {
				if _, err := mishikallm.Default().Invoke(ctx, operation, request); !errors.Is(err, mishikallm.ErrBadRequest) {
					t.Errorf("%s, %s: got %v", name, operation, err)
				}
			}
		}
		for _, operation := range []string{"", "nope", "models\x00"} {
			if _, err := mishikallm.Default().Invoke(ctx, operation, struct{}{}); !errors.Is(err, mishikallm.ErrBadRequest) {
				t.Errorf("operation %q: got %v", operation, err)
			}
		}
	}
	for _, config := range []string{"\x00", "{\"api_base\":\"\x00\"}", "[]", "{\"nope\":1}"} {
		if _, err := mishikallm.New(mishikallm.Config{Raw: json.RawMessage(config)}); !errors.Is(err, mishikallm.ErrBadRequest) {
			t.Errorf("config %q: got %v", config, err)
		}
	}
}

func TestAHugeRequest(t *testing.T) {
	var info struct{ Limits map[string]int64 }
	if err := json.Unmarshal(mishikallm.Info(), &info); err != nil {
		t.Fatal(err)
	}
	limit := info.Limits["request_bytes"]
	if limit == 0 {
		t.Fatalf("no limit of a request in %v", info.Limits)
	}
	request := chat("http://127.0.0.1:1/generate")
	request.User = strings.Repeat("x", int(limit))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{ctx, context.Background()} {
		if _, err := mishikallm.Default().ChatCompletion(ctx, request); !errors.Is(err, mishikallm.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	}
}
