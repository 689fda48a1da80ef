package mishikallm_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s: %s: %v", what, got, err)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatalf("%s: %s: %v", what, want, err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: got\n%s, not\n%s", what, got, want)
	}
}

// What is sent to a gateway's endpoint shows what the library was asked.
func TestATypedRequestIsSent(t *testing.T) {
	server := serve(t, says("yes"))
	request := chat(server.generate())
	request.MaxTokens, request.Temperature, request.Seed = mishikallm.Ptr(3), mishikallm.Ptr(0.0), mishikallm.Ptr(int64(7))
	request.Stop = []string{"."}
	request.Timeout = 1500 * time.Millisecond
	request.Extra = map[string]json.RawMessage{"min_tokens": json.RawMessage("2"), "seed": json.RawMessage("9")}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{context.Background(), ctx} {
		if _, err := mishikallm.Default().ChatCompletion(ctx, request); err != nil {
			t.Fatal(err)
		}
		var sent struct {
			Text       string `json:"text_input"`
			Parameters map[string]any
		}
		if err := json.Unmarshal(<-server.bodies, &sent); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"max_tokens": 3., "temperature": 0., "seed": 9., "min_tokens": 2.}
		for name, value := range want {
			if sent.Parameters[name] != value {
				t.Errorf("%s: sent %v, not %v, in %v", name, sent.Parameters[name], value, sent.Parameters)
			}
		}
		for _, ours := range []string{"timeout", "api_base", "messages", "stream"} {
			if _, isThere := sent.Parameters[ours]; isThere {
				t.Errorf("%s was sent to the model", ours)
			}
		}
	}
}

// stream belongs to the method, whatever the request says.
func TestWhoIsAskedForWhat(t *testing.T) {
	server := serve(t, says("yes"))
	never := context.Background()
	may, cancel := context.WithCancel(never)
	defer cancel()
	head := `{"model":"triton/m","messages":[{"role":"user","content":"\"stream\""}],"api_base":"` + server.generate() + `"`
	for tail, wrong := range map[string]bool{
		`}`: false, " } \n": false, `,"stream":false}`: false, `,"stream":true}`: true, `,"stream":"x"}`: true,
		`,"user":"stream"}`: false, `,"stream":null}`: false,
	} {
		for _, ctx := range []context.Context{never, may} {
			answer, err := mishikallm.Default().ChatCompletion(ctx, mishikallm.ChatCompletionRequest{Raw: json.RawMessage(head + tail)})
			if (err != nil) != wrong || err == nil && answer.Text() != "yes" {
				t.Errorf("%q: got %v", tail, err)
			}
		}
	}
}

func TestMessagesAndTheirJSON(t *testing.T) {
	for text, message := range map[string]mishikallm.Message{
		`{"role":"user","content":"hi"}`:                          mishikallm.UserMessage("hi"),
		`{"role":"system","content":""}`:                          mishikallm.SystemMessage(""),
		`{"role":"assistant","content":"yes"}`:                    mishikallm.AssistantMessage("yes"),
		`{"role":"tool","content":"7 C","tool_call_id":"call_1"}`: mishikallm.ToolMessage("call_1", "7 C"),
		`{"role":"user","content":[{"type":"text","text":""},{"type":"image_url","image_url":{"url":"u"}}]}`: {
			Role: "user", Parts: []mishikallm.Part{mishikallm.TextPart(""), mishikallm.ImagePart("u")},
		},
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}`: {
			Role:      "assistant",
			ToolCalls: []mishikallm.ToolCall{{ID: "c", Type: "function", Function: mishikallm.FunctionCall{Name: "f", Arguments: "{}"}}},
		},
	} {
		written, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "written", written, []byte(text))
		var read mishikallm.Message
		if err := json.Unmarshal([]byte(text), &read); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(read, message) {
			t.Errorf("%s: read %+v, not %+v", text, read, message)
		}
	}
	var message mishikallm.Message
	for _, wrong := range []string{`{"role":7}`, `{"content":7}`, `{"content":[7]}`, `[]`} {
		if err := json.Unmarshal([]byte(wrong), &message); err == nil {
			t.Errorf("%s is a message", wrong)
		}
	}
}

// Answers that are kept somewhere are read again with all they had.
func TestAnswersKeepWhatTheyDoNotKnow(t *testing.T) {
	text := []byte(`{"id":"1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant",` +
		`"content":"hi","new":1},"logprobs":{"content":[{"token":"h","logprob":-0.5,"bytes":[104],"top_logprobs":[]}]},` +
		`"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"estimated":true},"newer":{"a":[1]}}`)
	var answer mishikallm.ChatCompletion
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Text() != "hi" || answer.Usage.TotalTokens != 3 || !answer.Usage.Estimated ||
		answer.Choices[0].Logprobs.Content[0].Logprob != -0.5 || answer.Choices[0].Logprobs.Content[0].Bytes[0] != 104 {
		t.Errorf("read %+v", answer)
	}
	written, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "as it came", written, text)
	answer.Raw = nil
	answer.Choices[0].Message.Content = "changed"
	if written, err = json.Marshal(&answer); err != nil || !strings.Contains(string(written), `"changed"`) {
		t.Errorf("without Raw: %s, %v", written, err)
	}
}

// Config repeats the fields of Options, but for those that the library takes in a request alone.
func TestAConfigHasAllOptions(t *testing.T) {
	config := reflect.TypeFor[mishikallm.Config]()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[mishikallm.Options]()) {
		if field.Name == "Fallbacks" || field.Name == "ExtraBody" {
			continue
		}
		if twin, isThere := config.FieldByName(field.Name); !isThere || twin.Type != field.Type || twin.Tag != field.Tag {
			t.Errorf("%s: Config has %+v", field.Name, twin)
		}
	}
}

// Each field of a configuration is one that the library takes: it refuses those that it does not know.
func TestAConfigIsTheLibrarys(t *testing.T) {
	yes, one := mishikallm.Ptr(true), mishikallm.Ptr(1)
	client, err := mishikallm.New(mishikallm.Config{
		APIBase: "http://h:1", APIKey: "k", ExtraHeaders: map[string]string{"x-a": "b"},
		Timeout: time.Second, StreamTimeout: time.Second, ConnectTimeout: time.Second, FirstByteTimeout: time.Second, IdleTimeout: time.Second,
		NumRetries: one, DropParams: yes, AllowedOpenAIParams: []string{"n"},
		AdditionalDropParams: []string{"seed"}, MockResponse: mishikallm.Ptr("hello"),
		ChatTemplate: "chatml", ChatTemplateKwargs: map[string]any{"a": 1}, ToolCallParser: "hermes", SeparateReasoning: yes,
		Triton: &mishikallm.Triton{
			Input: "a", Output: "b", Endpoint: "infer", Version: "1", Dialect: "general", Inputs: map[string]any{"c": 1},
			Parameters: map[string]any{"d": 1}, Binary: yes, Pooling: "mean", Normalize: yes, TruncateDimensions: yes,
		},
		ModelList:     []mishikallm.Deployment{{ModelName: "m", Params: map[string]any{"model": "triton/x", "api_base": "http://h:2"}}},
		TLS:           &mishikallm.TLS{Insecure: true},
		Proxy:         mishikallm.Ptr(""),
		MaxReplyBytes: 1 << 20,
		Extra:         map[string]json.RawMessage{"workers": json.RawMessage("2")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answer, err := client.ChatCompletion(context.Background(), mishikallm.ChatCompletionRequest{
		Model: "m", Messages: []mishikallm.Message{mishikallm.UserMessage("hi")},
	})
	if err != nil || answer.Text() != "hello" {
		t.Errorf("got %v, %v", answer, err)
	}
}

func TestTheLog(t *testing.T) {
	server := serve(t, says("yes"))
	ask := func() {
		t.Helper()
		if _, err := mishikallm.Default().ChatCompletion(context.Background(), chat(server.generate())); err != nil {
			t.Error(err)
		}
	}
	var mu sync.Mutex
	var lines strings.Builder
	logger := slog.New(slog.NewTextHandler(&locked{mu: &mu, to: &lines}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := mishikallm.SetLogger(logger, slog.LevelDebug); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mishikallm.SetLogger(nil, 0) }()
	ask()
	if !strings.Contains(lines.String(), "level=DEBUG") {
		t.Errorf("the log has %q", lines.String())
	}

	// A handler that panics, or that sets the logger, does no harm.
	calls := 0
	var inside error
	handle := handler(func() {
		calls++
		inside = mishikallm.SetLogger(nil, 0)
		panic("the handler's own")
	})
	if err := mishikallm.SetLogger(slog.New(handle), slog.LevelDebug); err != nil {
		t.Fatal(err)
	}
	ask()
	if calls == 0 || inside == nil {
		t.Errorf("%d lines; SetLogger said %v", calls, inside)
	}
	before := calls
	if err := mishikallm.SetLogger(nil, 0); err != nil {
		t.Fatal(err)
	}
	ask()
	if calls != before {
		t.Error("a logger that was taken away was asked")
	}
}

type locked struct {
	mu *sync.Mutex
	to io.Writer
}

func (l *locked) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(text)
}

type handler func()

func (handler) Enabled(context.Context, slog.Level) bool    { return true }
func (h handler) Handle(context.Context, slog.Record) error { h(); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h handler) WithGroup(string) slog.Handler             { return h }

func TestVersionAndInfo(t *testing.T) {
	var info struct{ Version string }
	if err := json.Unmarshal(mishikallm.Info(), &info); err != nil || info.Version != mishikallm.Version() || info.Version == "" {
		t.Errorf("info %s, version %q, %v", mishikallm.Info(), mishikallm.Version(), err)
	}
}
