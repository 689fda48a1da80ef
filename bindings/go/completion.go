package mishikallm

import (
	"context"
	"encoding/json"
	"iter"
)

// CompletionRequest is OpenAI's request for a text completion. What is nil, empty or "" is left out.
type CompletionRequest struct {
	// Model is "triton/NAME", or a name of the client's model list.
	Model string `json:"model,omitempty"`
	// Prompt is one, and Prompts are several, each answered by a choice of its own.
	Prompt  string   `json:"-"`
	Prompts []string `json:"-"`

	MaxTokens        *int               `json:"max_tokens,omitempty"`
	Temperature      *float64           `json:"temperature,omitempty"`
	TopP             *float64           `json:"top_p,omitempty"`
	Stop             []string           `json:"stop,omitempty"`
	Seed             *int64             `json:"seed,omitempty"`
	N                *int               `json:"n,omitempty"`
	Echo             *bool              `json:"echo,omitempty"`
	Suffix           string             `json:"suffix,omitempty"`
	BestOf           *int               `json:"best_of,omitempty"`
	FrequencyPenalty *float64           `json:"frequency_penalty,omitempty"`
	PresencePenalty  *float64           `json:"presence_penalty,omitempty"`
	LogitBias        map[string]float64 `json:"logit_bias,omitempty"`
	// Logprobs is how many alternatives to tell for each token.
	Logprobs      *int           `json:"logprobs,omitempty"`
	StreamOptions *StreamOptions `json:"stream_options,omitempty"`
	User          string         `json:"user,omitempty"`

	// Options say where and how to call.
	Options
	// Extra has further fields, such as the model's own; one that has the name of another takes its place.
	Extra map[string]json.RawMessage `json:"-"`
	// Raw, where it is not nil, is the whole request, and no other field counts.
	Raw json.RawMessage `json:"-"`
}

func (r *CompletionRequest) wire() ([]byte, error) {
	typed := struct {
		Prompt any `json:"prompt,omitempty"`
		*CompletionRequest
	}{nil, r}
	switch {
	case r.Prompts != nil:
		typed.Prompt = r.Prompts
	case r.Prompt != "":
		typed.Prompt = r.Prompt
	}
	return wire{typed: typed, times: r.times(), extra: r.Extra, raw: r.Raw}.text("request")
}

// Completion is OpenAI's answer, and also a piece of one in a stream.
type Completion struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"`
	Created           int64              `json:"created"`
	Model             string             `json:"model"`
	SystemFingerprint string             `json:"system_fingerprint,omitempty"`
	Choices           []CompletionChoice `json:"choices"`
	// Usage is, in a stream, in the last chunk, where StreamOptions asks for it.
	Usage *Usage `json:"usage,omitempty"`
	// Raw is what came, with the fields that are not here. MarshalJSON writes it, unless it is nil.
	Raw json.RawMessage `json:"-"`
}

// CompletionChoice is one of an answer's, or what a chunk adds to it.
type CompletionChoice struct {
	Index    int           `json:"index"`
	Text     string        `json:"text"`
	Logprobs *TextLogprobs `json:"logprobs"`
	// FinishReason is "" until the choice is whole.
	FinishReason string `json:"finish_reason"`
}

// TextLogprobs has how likely each token of a text was: lists of the same length.
type TextLogprobs struct {
	Tokens []string `json:"tokens"`
	// TokenLogprobs has nil for a token that no other came before.
	TokenLogprobs []*float64           `json:"token_logprobs"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"`
}

// Text is the first choice's, or "".
func (c *Completion) Text() string {
	if len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].Text
}

// Completion asks for a text completion and waits for the whole answer.
func (c *Client) Completion(ctx context.Context, request CompletionRequest) (*Completion, error) {
	body, err := request.wire()
	if err != nil {
		return nil, err
	}
	answer, err := c.call(ctx, completions, body)
	if err != nil {
		return nil, err
	}
	return decodeCompletion(answer)
}

// CompletionStream asks for a text completion in chunks, as ChatCompletionStream does for a chat.
func (c *Client) CompletionStream(ctx context.Context, request CompletionRequest) iter.Seq2[*Completion, error] {
	return ranged(func() (*Stream[*Completion], error) { return c.OpenCompletionStream(ctx, request) })
}

// OpenCompletionStream is CompletionStream for who asks for each chunk, and closes the stream.
func (c *Client) OpenCompletionStream(ctx context.Context, request CompletionRequest) (*Stream[*Completion], error) {
	body, err := request.wire()
	if err != nil {
		return nil, err
	}
	return openStream(ctx, c, completions, body, decodeCompletion)
}
