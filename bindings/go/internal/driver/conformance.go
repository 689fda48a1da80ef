package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// testCase is one of the shared file's.
type testCase struct {
	Name              string
	Call              string
	Operation         string
	Client            json.RawMessage
	Request           json.RawMessage
	CancelAfterChunks *int `json:"cancel_after_chunks"`
	CancelAfterMS     *int `json:"cancel_after_ms"`
	CloseAfterMS      *int `json:"close_after_ms"`
	LeaveAfterChunks  *int `json:"leave_after_chunks"`
}

// outcome is a line of ours.
type outcome struct {
	Case   string            `json:"case"`
	Way    string            `json:"way"`
	Answer any               `json:"answer,omitempty"`
	Chunks []json.RawMessage `json:"chunks,omitempty"`
	Rows   [][]float32       `json:"rows,omitempty"`
	Info   any               `json:"info,omitempty"`
	Error  *failure          `json:"error,omitempty"`

	streams bool
}

// MarshalJSON tells no chunks from no stream.
func (o outcome) MarshalJSON() ([]byte, error) {
	type plain outcome
	text, err := json.Marshal(plain(o))
	if err == nil && o.streams && len(o.Chunks) == 0 {
		text = append(text[:len(text)-1], `,"chunks":[]}`...)
	}
	return text, err
}

type failure struct {
	Kind       string   `json:"kind"`
	Message    string   `json:"message"`
	Status     *int     `json:"status"`
	Param      *string  `json:"param"`
	Code       *string  `json:"code"`
	RetryAfter *float64 `json:"retry_after"`
	StatusName string   `json:"status_name"`
}

func conformance(path, base string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines := json.NewEncoder(os.Stdout)
	for _, text := range file.Cases {
		var named struct{ Name string }
		if err := json.Unmarshal(text, &named); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var test testCase
		here := strings.ReplaceAll(string(text), "{base}", base+"/sync/"+named.Name)
		if err := json.Unmarshal([]byte(here), &test); err != nil {
			return fmt.Errorf("case %s: %w", named.Name, err)
		}
		out, err := perform(&test)
		if err != nil {
			return fmt.Errorf("case %s: %w", named.Name, err)
		}
		if err := lines.Encode(out); err != nil {
			return fmt.Errorf("case %s: %w", named.Name, err)
		}
	}
	return nil
}

// perform makes a case's call. Its error is of the driver; the call's own is in the outcome.
func perform(test *testCase) (*outcome, error) {
	out := &outcome{Case: test.Name, Way: "sync"}
	client := mishikallm.Default()
	if test.Client != nil {
		made, err := mishikallm.New(mishikallm.Config{Raw: test.Client})
		if err != nil {
			return out, out.fail(err)
		}
		defer made.Close()
		client = made
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if test.CancelAfterMS != nil {
		time.AfterFunc(time.Duration(*test.CancelAfterMS)*time.Millisecond, cancel)
	}
	if test.CloseAfterMS != nil {
		time.AfterFunc(time.Duration(*test.CloseAfterMS)*time.Millisecond, func() { _ = client.Close() })
	}

	// The fields that the typed requests know go into them, for as long as they are of the right type.
	switch test.Call {
	case "completion":
		answer, err := client.ChatCompletion(ctx, chatRequest(test.Request))
		return out, out.take(answer, err)
	case "text_completion":
		answer, err := client.Completion(ctx, textRequest(test.Request))
		return out, out.take(answer, err)
	case "embedding":
		answer, err := client.Embedding(ctx, embeddingRequest(test.Request))
		return out, out.take(answer, err)
	case "invoke":
		answer, err := client.Invoke(ctx, test.Operation, test.Request)
		return out, out.take(answer, err)
	case "rows":
		return out, out.takeRows(client.EmbeddingRows(ctx, embeddingRequest(test.Request)))
	case "stream":
		return out, read(out, test, cancel, client.ChatCompletionStream(ctx, chatRequest(test.Request)))
	case "text_stream":
		return out, read(out, test, cancel, client.CompletionStream(ctx, textRequest(test.Request)))
	}
	return nil, fmt.Errorf("the driver knows no call %q", test.Call)
}

func (o *outcome) take(answer any, err error) error {
	if err != nil {
		return o.fail(err)
	}
	o.Answer = answer
	return nil
}

func (o *outcome) takeRows(made *mishikallm.Embeddings, err error) error {
	if err != nil {
		return o.fail(err)
	}
	defer made.Close()
	o.Rows = made.Copy()
	o.Info = map[string]any{"model": made.Model, "usage": made.Usage}
	return nil
}

// read loops over a stream as a user would.
func read[T any](o *outcome, test *testCase, cancel func(), chunks func(func(T, error) bool)) error {
	o.streams = true
	for chunk, err := range chunks {
		if err != nil {
			return o.fail(err)
		}
		text, err := json.Marshal(chunk)
		if err != nil {
			return err
		}
		o.Chunks = append(o.Chunks, text)
		if test.CancelAfterChunks != nil && len(o.Chunks) == *test.CancelAfterChunks {
			cancel()
		}
		if test.LeaveAfterChunks != nil && len(o.Chunks) == *test.LeaveAfterChunks {
			break
		}
	}
	return nil
}

// fail tells the call's error, whose kind is found as a user finds it.
func (o *outcome) fail(err error) error {
	var known *mishikallm.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("an error of another type: %T: %w", err, err)
	}
	o.Error = &failure{
		Kind: kindOf(err), Message: known.Message, Status: orNull(known.Status), Param: orNull(known.Param),
		Code: orNull(known.Code), StatusName: known.StatusName,
	}
	if known.RetryAfter != nil {
		seconds := known.RetryAfter.Seconds()
		o.Error.RetryAfter = &seconds
	}
	return nil
}

func kindOf(err error) string {
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	for kind, name := range map[mishikallm.Kind]string{
		mishikallm.ErrBadRequest:         "bad_request",
		mishikallm.ErrAuthentication:     "authentication",
		mishikallm.ErrPermissionDenied:   "permission_denied",
		mishikallm.ErrNotFound:           "not_found",
		mishikallm.ErrTimeout:            "timeout",
		mishikallm.ErrTooLarge:           "too_large",
		mishikallm.ErrUnprocessable:      "unprocessable",
		mishikallm.ErrRateLimit:          "rate_limit",
		mishikallm.ErrConnection:         "connection",
		mishikallm.ErrInternalServer:     "internal_server",
		mishikallm.ErrBadGateway:         "bad_gateway",
		mishikallm.ErrServiceUnavailable: "service_unavailable",
		mishikallm.ErrClosed:             "closed",
	} {
		if errors.Is(err, kind) {
			return name
		}
	}
	return "unknown"
}

func orNull[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// chatRequest puts a case's fields into a typed request, and those that it does not know, or that are wrong, into Extra.
func chatRequest(text json.RawMessage) (request mishikallm.ChatCompletionRequest) {
	request.Extra = split(text, &request)
	return request
}

func textRequest(text json.RawMessage) (request mishikallm.CompletionRequest) {
	request.Extra = split(text, &request)
	return request
}

func embeddingRequest(text json.RawMessage) (request mishikallm.EmbeddingRequest) {
	request.Extra = split(text, &request)
	return request
}

// split reads the fields into a typed request, and gives those that it does not carry to the last.
func split(text json.RawMessage, into any) map[string]json.RawMessage {
	var fields, carried map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil {
		return nil
	}
	for name, value := range fields {
		if one, err := json.Marshal(map[string]json.RawMessage{name: value}); err == nil {
			_ = json.Unmarshal(one, into)
		}
	}
	if typed, err := json.Marshal(into); err != nil || json.Unmarshal(typed, &carried) != nil {
		return fields
	}
	for name, value := range carried {
		var is, was any
		if json.Unmarshal(value, &is) == nil && json.Unmarshal(fields[name], &was) == nil && reflect.DeepEqual(is, was) {
			delete(fields, name)
		}
	}
	return fields
}
