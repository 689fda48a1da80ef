package mishikallm

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

// EmbeddingRequest is OpenAI's. What is nil, empty or "" is left out.
type EmbeddingRequest struct {
	// Model is "triton/NAME", or a name of the client's model list.
	Model string `json:"model,omitempty"`
	// Input has the texts, and Tokens, in its place, the ids of their tokens, for a model that takes those.
	Input  []string `json:"-"`
	Tokens [][]int  `json:"-"`
	// Dimensions is how long the embeddings are to be, for a model that takes it.
	Dimensions *int `json:"dimensions,omitempty"`
	// EncodingFormat is "float" or "base64", which is how they come in Raw; the numbers are the same.
	EncodingFormat string `json:"encoding_format,omitempty"`
	User           string `json:"user,omitempty"`

	// Options say where and how to call.
	Options
	// Extra has further fields, such as the model's own; one that has the name of another takes its place.
	Extra map[string]json.RawMessage `json:"-"`
	// Raw, where it is not nil, is the whole request, and no other field counts.
	Raw json.RawMessage `json:"-"`
}

func (r *EmbeddingRequest) wire() ([]byte, error) {
	typed := struct {
		Input any `json:"input,omitempty"`
		*EmbeddingRequest
	}{nil, r}
	switch {
	case r.Tokens != nil:
		typed.Input = r.Tokens
	case r.Input != nil:
		typed.Input = r.Input
	}
	return wire{typed: typed, times: r.times(), extra: r.Extra, raw: r.Raw}.text("request")
}

// EmbeddingList is OpenAI's answer: an embedding for each input, in order.
type EmbeddingList struct {
	Object string      `json:"object"`
	Data   []Embedding `json:"data"`
	Model  string      `json:"model"`
	Usage  Usage       `json:"usage"`
	// Raw is the answer as it came, with the fields that are not here. MarshalJSON writes it, unless it is nil.
	Raw json.RawMessage `json:"-"`
}

// Embedding is one of a list.
type Embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding Vector `json:"embedding"`
}

// Vector is an embedding's numbers. Its JSON is a list of numbers, or little-endian 32-bit floats in base64.
type Vector []float32

// UnmarshalJSON reads both.
func (v *Vector) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '"' {
		return json.Unmarshal(text, (*[]float32)(v))
	}
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return err
	}
	packed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	if len(packed)%4 != 0 {
		return fmt.Errorf("an embedding in base64 has %d bytes, which is no multiple of 4", len(packed))
	}
	made := make(Vector, len(packed)/4)
	for i := range made {
		made[i] = math.Float32frombits(binary.LittleEndian.Uint32(packed[4*i:]))
	}
	*v = made
	return nil
}

// Embedding asks for embeddings and waits for all of them. EmbeddingRows gives them without JSON, which is far cheaper.
func (c *Client) Embedding(ctx context.Context, request EmbeddingRequest) (*EmbeddingList, error) {
	body, err := request.wire()
	if err != nil {
		return nil, err
	}
	answer, err := c.call(ctx, embeddings, body)
	if err != nil {
		return nil, err
	}
	return decodeEmbeddingList(answer)
}
