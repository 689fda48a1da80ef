package mishikallm

import (
	"context"
	"encoding/json"
	"iter"
)

// ChatCompletionRequest is OpenAI's. What is nil, empty or "" is left out.
type ChatCompletionRequest struct {
	// Model is "triton/NAME", or a name of the client's model list.
	Model    string    `json:"model,omitempty"`
	Messages []Message `json:"messages,omitempty"`

	MaxTokens           *int               `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int               `json:"max_completion_tokens,omitempty"`
	Temperature         *float64           `json:"temperature,omitempty"`
	TopP                *float64           `json:"top_p,omitempty"`
	Stop                []string           `json:"stop,omitempty"`
	Seed                *int64             `json:"seed,omitempty"`
	N                   *int               `json:"n,omitempty"`
	FrequencyPenalty    *float64           `json:"frequency_penalty,omitempty"`
	PresencePenalty     *float64           `json:"presence_penalty,omitempty"`
	LogitBias           map[string]float64 `json:"logit_bias,omitempty"`
	Logprobs            *bool              `json:"logprobs,omitempty"`
	TopLogprobs         *int               `json:"top_logprobs,omitempty"`
	// ResponseFormat is an object with a "type": a map, a struct or a json.RawMessage.
	ResponseFormat any    `json:"response_format,omitempty"`
	Tools          []Tool `json:"tools,omitempty"`
	// ToolChoice is "none", "auto", "required", or an object that names a function.
	ToolChoice        any               `json:"tool_choice,omitempty"`
	ParallelToolCalls *bool             `json:"parallel_tool_calls,omitempty"`
	StreamOptions     *StreamOptions    `json:"stream_options,omitempty"`
	User              string            `json:"user,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`

	// Options say where and how to call.
	Options
	// Extra has further fields, such as the model's own; one that has the name of another takes its place.
	Extra map[string]json.RawMessage `json:"-"`
	// Raw, where it is not nil, is the whole request, and no other field counts.
	Raw json.RawMessage `json:"-"`
}

func (r *ChatCompletionRequest) wire() ([]byte, error) {
	return wire{typed: r, times: r.times(), extra: r.Extra, raw: r.Raw}.text("request")
}

// StreamOptions are a stream's.
type StreamOptions struct {
	// IncludeUsage asks for one more chunk at the end, which has the usage and no choices.
	IncludeUsage bool `json:"include_usage"`
}

// ChatCompletion is OpenAI's answer.
type ChatCompletion struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"`
	Created           int64        `json:"created"`
	Model             string       `json:"model"`
	SystemFingerprint string       `json:"system_fingerprint,omitempty"`
	Choices           []ChatChoice `json:"choices"`
	Usage             *Usage       `json:"usage,omitempty"`
	// Raw is the answer as it came, with the fields that are not here. MarshalJSON writes it, unless it is nil.
	Raw json.RawMessage `json:"-"`
}

// ChatChoice is one of an answer's.
type ChatChoice struct {
	Index        int           `json:"index"`
	Message      Message       `json:"message"`
	Logprobs     *ChatLogprobs `json:"logprobs"`
	FinishReason string        `json:"finish_reason"`
}

// Usage is what a call took.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens,omitempty"`
	TotalTokens      int `json:"total_tokens"`
	// Estimated says that the model told no counts, and these are guessed from the text's length.
	Estimated bool `json:"estimated,omitempty"`
}

// Text is the content of the first choice.
func (c *ChatCompletion) Text() string {
	if len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].Message.Content
}

// ChatCompletionChunk is a piece of an answer.
type ChatCompletionChunk struct {
	ID                string            `json:"id"`
	Object            string            `json:"object"`
	Created           int64             `json:"created"`
	Model             string            `json:"model"`
	SystemFingerprint string            `json:"system_fingerprint,omitempty"`
	Choices           []ChatChunkChoice `json:"choices"`
	// Usage is in the last chunk, where StreamOptions asks for it.
	Usage *Usage `json:"usage,omitempty"`
	// Raw is the chunk as it came. MarshalJSON writes it, unless it is nil.
	Raw json.RawMessage `json:"-"`
}

// ChatChunkChoice is what a chunk adds to a choice.
type ChatChunkChoice struct {
	Index    int           `json:"index"`
	Delta    Delta         `json:"delta"`
	Logprobs *ChatLogprobs `json:"logprobs"`
	// FinishReason is "" until the choice is whole.
	FinishReason string `json:"finish_reason"`
}

// Delta is what is added to a message.
type Delta struct {
	Role             string     `json:"role,omitempty"`
	Content          string     `json:"content,omitempty"`
	ReasoningContent string     `json:"reasoning_content,omitempty"`
	Refusal          string     `json:"refusal,omitempty"`
	ToolCalls        []ToolCall `json:"tool_calls,omitempty"`
}

// Text is what the chunk adds to the first choice that it has, or "".
func (c *ChatCompletionChunk) Text() string {
	if len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].Delta.Content
}

// FinishReason is why the first choice that the chunk has is whole, or "" where it is not.
func (c *ChatCompletionChunk) FinishReason() string {
	if len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].FinishReason
}

// ChatLogprobs has how likely each token of a text was.
type ChatLogprobs struct {
	Content []TokenLogprob `json:"content"`
	Refusal []TokenLogprob `json:"refusal,omitempty"`
}

// TokenLogprob says how likely a token was, and which others were.
type TokenLogprob struct {
	TopLogprob
	TopLogprobs []TopLogprob `json:"top_logprobs"`
}

// TopLogprob says how likely a token was.
type TopLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	// Bytes is the token's UTF-8, a number for each byte; nil where there is none.
	Bytes []int `json:"bytes"`
}

// ChatCompletion asks for a chat completion and waits for the whole answer.
func (c *Client) ChatCompletion(ctx context.Context, request ChatCompletionRequest) (*ChatCompletion, error) {
	body, err := request.wire()
	if err != nil {
		return nil, err
	}
	answer, err := c.call(ctx, chatCompletions, body)
	if err != nil {
		return nil, err
	}
	return decodeChatCompletion(answer)
}

// ChatCompletionStream asks for a chat completion in chunks:
//
//	for chunk, err := range client.ChatCompletionStream(ctx, request) {
//		if err != nil {
//			return err
//		}
//		fmt.Print(chunk.Text())
//	}
//
// The call begins with the loop, and leaving the loop ends it at the server at once. An error is the last thing that the
// loop gets. An answer that was cut short ends with one. A second loop makes a second call.
func (c *Client) ChatCompletionStream(ctx context.Context, request ChatCompletionRequest) iter.Seq2[*ChatCompletionChunk, error] {
	return ranged(func() (*Stream[*ChatCompletionChunk], error) { return c.OpenChatCompletionStream(ctx, request) })
}

// OpenChatCompletionStream is ChatCompletionStream for who asks for each chunk, and closes the stream. Nothing is sent before
// the first chunk is asked for. The context ends the stream as long as it is not over.
func (c *Client) OpenChatCompletionStream(ctx context.Context, request ChatCompletionRequest) (*Stream[*ChatCompletionChunk], error) {
	body, err := request.wire()
	if err != nil {
		return nil, err
	}
	return openStream(ctx, c, chatCompletions, body, decodeChatCompletionChunk)
}
