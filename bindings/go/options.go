package mishikallm

import (
	"encoding/json"
	"time"
)

// Options say where a request goes and how it is made. A client's Config holds defaults for them, but for Fallbacks and
// ExtraBody. What is zero, or nil, is left to the client, and then to the library, whose manual (mishikallm.h) tells more
// of each.
type Options struct {
	// APIBase is a server ("http://host:8000"), a model (".../v2/models/NAME") or an endpoint (".../generate", ".../infer").
	APIBase string `json:"api_base,omitempty"`
	// APIKey is sent as a bearer token, to the server that APIBase names beside it.
	APIKey string `json:"api_key,omitempty"`
	// ExtraHeaders go with each request.
	ExtraHeaders map[string]string `json:"extra_headers,omitempty"`
	// Timeout is for each try, look-ups included (600 s). A context's deadline is for the whole call.
	Timeout time.Duration `json:"-"`
	// StreamTimeout is in Timeout's place for streams.
	StreamTimeout time.Duration `json:"-"`
	// ConnectTimeout is for one connection, TLS included (10 s).
	ConnectTimeout time.Duration `json:"-"`
	// FirstByteTimeout is for the time until the answer begins.
	FirstByteTimeout time.Duration `json:"-"`
	// IdleTimeout is the server's longest silence.
	IdleTimeout time.Duration `json:"-"`
	// NumRetries is how many tries follow the first (0).
	NumRetries *int `json:"num_retries,omitempty"`
	// Fallbacks are what to ask when this fails: models' names, or objects with "model", "api_base" and more.
	Fallbacks []any `json:"fallbacks,omitempty"`
	// DropParams leaves out what a model cannot do, instead of refusing it.
	DropParams *bool `json:"drop_params,omitempty"`
	// AllowedOpenAIParams are names to send although they would be refused or left out.
	AllowedOpenAIParams []string `json:"allowed_openai_params,omitempty"`
	// AdditionalDropParams are names to leave out.
	AdditionalDropParams []string `json:"additional_drop_params,omitempty"`
	// ExtraBody is for the top level of a generate request.
	ExtraBody map[string]any `json:"extra_body,omitempty"`
	// MockResponse is a text to answer without calling anybody.
	MockResponse *string `json:"mock_response,omitempty"`
	// ChatTemplate is a built-in template's name, "auto", a Jinja source, or a path.
	ChatTemplate string `json:"chat_template,omitempty"`
	// ChatTemplateKwargs are variables for it.
	ChatTemplateKwargs map[string]any `json:"chat_template_kwargs,omitempty"`
	// ToolCallParser says how the model writes calls of tools, where the chat template does not show it.
	ToolCallParser string `json:"tool_call_parser,omitempty"`
	// SeparateReasoning tells <think>…</think> apart, as ReasoningContent.
	SeparateReasoning *bool `json:"separate_reasoning,omitempty"`
	// Tokenizer is the path of a tokenizer.json, or of a folder that has one.
	Tokenizer string `json:"tokenizer,omitempty"`
	// Triton is what a model's metadata cannot tell.
	Triton *Triton `json:"triton,omitempty"`
}

// Triton is what a model's metadata cannot tell.
type Triton struct {
	// Input and Output are the names of the tensors that take and give what the call is about.
	Input  string `json:"input,omitempty"`
	Output string `json:"output,omitempty"`
	// Endpoint is "generate" or "infer".
	Endpoint string `json:"endpoint,omitempty"`
	// Version is the model's.
	Version string `json:"version,omitempty"`
	// Dialect is "vllm", "tensorrtllm", "llmapi" or "general".
	Dialect string `json:"dialect,omitempty"`
	// Inputs and Parameters are the same for each row of a batch.
	Inputs     map[string]any `json:"inputs,omitempty"`
	Parameters map[string]any `json:"parameters,omitempty"`
	// Binary says whether tensors come as binary data.
	Binary *bool `json:"binary,omitempty"`
	// Pooling is "mean", "cls" or "last".
	Pooling string `json:"pooling,omitempty"`
	// Normalize gives embeddings the length 1.
	Normalize *bool `json:"normalize,omitempty"`
	// TruncateDimensions cuts embeddings to Dimensions here, where the model does not take them.
	TruncateDimensions *bool `json:"truncate_dimensions,omitempty"`
}

// Config is a client's: defaults for every request, see [Options], and what only a client has.
type Config struct {
	// As in Options, one by one, so that Config{APIBase: "…"} is enough.
	APIBase              string            `json:"api_base,omitempty"`
	APIKey               string            `json:"api_key,omitempty"`
	ExtraHeaders         map[string]string `json:"extra_headers,omitempty"`
	Timeout              time.Duration     `json:"-"`
	StreamTimeout        time.Duration     `json:"-"`
	ConnectTimeout       time.Duration     `json:"-"`
	FirstByteTimeout     time.Duration     `json:"-"`
	IdleTimeout          time.Duration     `json:"-"`
	NumRetries           *int              `json:"num_retries,omitempty"`
	DropParams           *bool             `json:"drop_params,omitempty"`
	AllowedOpenAIParams  []string          `json:"allowed_openai_params,omitempty"`
	AdditionalDropParams []string          `json:"additional_drop_params,omitempty"`
	MockResponse         *string           `json:"mock_response,omitempty"`
	ChatTemplate         string            `json:"chat_template,omitempty"`
	ChatTemplateKwargs   map[string]any    `json:"chat_template_kwargs,omitempty"`
	ToolCallParser       string            `json:"tool_call_parser,omitempty"`
	SeparateReasoning    *bool             `json:"separate_reasoning,omitempty"`
	Tokenizer            string            `json:"tokenizer,omitempty"`
	Triton               *Triton           `json:"triton,omitempty"`

	// ModelList has names that a request may give as its model, and where and how each is called.
	// Several may have the same name: they share its calls.
	ModelList []Deployment `json:"model_list,omitempty"`
	// RouterSettings says which of them is asked, and who is asked when one fails: routing_strategy, num_retries, allowed_fails,
	// cooldown_time, model_group_alias, fallbacks and the others of mishikallm_client_new.
	RouterSettings map[string]any `json:"router_settings,omitempty"`
	// TLS names files in PEM.
	TLS *TLS `json:"tls,omitempty"`
	// Proxy is "http://…" or "socks5://…", and "" for none. Where it is nil the environment counts.
	Proxy *string `json:"proxy,omitempty"`
	// MaxReplyBytes is the longest reply that is read from a server.
	MaxReplyBytes int64 `json:"max_reply_bytes,omitempty"`

	// Extra has further fields; one that has the name of another takes its place.
	Extra map[string]json.RawMessage `json:"-"`
	// Raw, where it is not nil, is the whole configuration, and no other field counts.
	Raw json.RawMessage `json:"-"`
}

// Deployment is what a name of a client's model list stands for.
type Deployment struct {
	ModelName string `json:"model_name"`
	// Params has "model", and what Options has, under its JSON names; its limits, such as rpm and weight; and parameters for
	// requests that do not have them.
	Params map[string]any `json:"mishikallm_params"`
	// Info has "id", "max_input_tokens", and whatever else there is to say.
	Info map[string]any `json:"model_info,omitempty"`
}

// TLS is how servers are trusted, and how the client shows who it is.
type TLS struct {
	// CAFile has the certificates to trust. Without it they are the system's.
	CAFile         string `json:"ca_file,omitempty"`
	ClientCertFile string `json:"client_cert_file,omitempty"`
	ClientKeyFile  string `json:"client_key_file,omitempty"`
	// Insecure trusts any certificate.
	Insecure bool `json:"insecure,omitempty"`
}

func (o *Options) times() []seconds {
	return times(o.Timeout, o.StreamTimeout, o.ConnectTimeout, o.FirstByteTimeout, o.IdleTimeout)
}

func (c *Config) wire() ([]byte, error) {
	given := times(c.Timeout, c.StreamTimeout, c.ConnectTimeout, c.FirstByteTimeout, c.IdleTimeout)
	return wire{typed: c, times: given, extra: c.Extra, raw: c.Raw}.text("config")
}

func times(call, stream, connect, firstByte, idle time.Duration) []seconds {
	if call|stream|connect|firstByte|idle == 0 {
		return nil
	}
	return []seconds{
		{"timeout", call}, {"stream_timeout", stream}, {"connect_timeout", connect}, {"first_byte_timeout", firstByte},
		{"idle_timeout", idle},
	}
}
