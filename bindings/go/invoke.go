package mishikallm

import (
	"context"
	"encoding/json"
	"iter"
)

// Invoke does what an operation's name says, such as "models", "health", "infer" or "model.load"; [Info] lists them, and the
// C library's manual has their requests and answers. The request is a json.RawMessage, or anything that json.Marshal makes
// an object of.
func (c *Client) Invoke(ctx context.Context, operation string, request any) (json.RawMessage, error) {
	name, body, err := operationAndRequest(operation, request)
	if err != nil {
		return nil, err
	}
	return c.call(ctx, name, body)
}

// Stream is ChatCompletionStream for requests and chunks as JSON, and for any operation: what does not come in chunks comes
// whole, as one chunk.
func (c *Client) Stream(ctx context.Context, operation string, request any) iter.Seq2[json.RawMessage, error] {
	return ranged(func() (*Stream[json.RawMessage], error) { return c.OpenStream(ctx, operation, request) })
}

// OpenStream is Stream for who asks for each chunk, and closes the stream.
func (c *Client) OpenStream(ctx context.Context, operation string, request any) (*Stream[json.RawMessage], error) {
	name, body, err := operationAndRequest(operation, request)
	if err != nil {
		return nil, err
	}
	keep := func(text []byte) (json.RawMessage, error) { return text, nil }
	return openStream(ctx, c, name, body, keep)
}

func operationAndRequest(operation string, request any) (name, body []byte, err error) {
	if name, err = terminated("operation", []byte(operation)); err != nil {
		return nil, nil, err
	}
	body, err = anyRequest(request)
	return name, body, err
}
