package mishikallm_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

func onTriton(t testing.TB, model string) mishikallm.ChatCompletionRequest {
	return mishikallm.ChatCompletionRequest{
		Model: "triton/" + model, Messages: []mishikallm.Message{mishikallm.UserMessage("What is an inference server?")},
		MaxTokens: mishikallm.Ptr(6), Temperature: mishikallm.Ptr(0.0), Options: mishikallm.Options{APIBase: triton(t)},
	}
}

// Whatever the context, the answer is the same, and no typed field misses what came.
func TestTritonChats(t *testing.T) {
	may, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{context.Background(), may} {
		answer, err := mishikallm.Default().ChatCompletion(ctx, onTriton(t, "tiny_llm"))
		if err != nil {
			t.Fatal(err)
		}
		if answer.Text() != "\nAn inference server keeps trained models" || answer.Choices[0].FinishReason != "length" ||
			*answer.Usage != (mishikallm.Usage{PromptTokens: 6, CompletionTokens: 6, TotalTokens: 12}) {
			t.Errorf("got %s", answer.Raw)
		}
		typed := *answer
		typed.Raw = nil
		written, err := json.Marshal(typed)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the typed fields", written, withoutNulls(t, answer.Raw))
	}
}

// withoutNulls drops what a typed answer has no field for where there is nothing: a refusal that is null.
func withoutNulls(t testing.TB, text []byte) []byte {
	t.Helper()
	return []byte(strings.ReplaceAll(string(text), `,"refusal":null`, ""))
}

func TestTritonStreams(t *testing.T) {
	whole, err := mishikallm.Default().ChatCompletion(context.Background(), onTriton(t, "tiny_llm"))
	if err != nil {
		t.Fatal(err)
	}
	request := onTriton(t, "tiny_llm")
	request.StreamOptions = &mishikallm.StreamOptions{IncludeUsage: true}
	text, reason, usage := "", "", mishikallm.Usage{}
	for chunk, err := range mishikallm.Default().ChatCompletionStream(context.Background(), request) {
		if err != nil {
			t.Fatal(err)
		}
		text, reason = text+chunk.Text(), reason+chunk.FinishReason()
		if chunk.Usage != nil {
			usage = *chunk.Usage
		}
	}
	if text != whole.Text() || reason != "length" || usage != *whole.Usage {
		t.Errorf("got %q, %q, %+v", text, reason, usage)
	}
}

func TestTritonCompletesTexts(t *testing.T) {
	request := mishikallm.CompletionRequest{
		Model: "triton/tiny_llm", Prompts: []string{"What is a ship?", "What is an inference server?"},
		MaxTokens: mishikallm.Ptr(6), Options: mishikallm.Options{APIBase: triton(t)},
	}
	answer, err := mishikallm.Default().Completion(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Choices) != 2 || answer.Choices[1].Text != "\nAn inference server keeps trained models" {
		t.Errorf("got %s", answer.Raw)
	}
	request.Prompts, request.Prompt = nil, "What is an inference server?"
	text := ""
	for chunk, err := range mishikallm.Default().CompletionStream(context.Background(), request) {
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Text()
	}
	if text != answer.Choices[1].Text {
		t.Errorf("streamed %q", text)
	}
}

func TestTritonCallsTools(t *testing.T) {
	request := onTriton(t, "scripted")
	request.MaxTokens = nil
	request.Messages = []mishikallm.Message{mishikallm.UserMessage("What is the weather in Paris?")}
	request.ChatTemplate = "qwen2.5"
	request.Tools = []mishikallm.Tool{mishikallm.FunctionTool("get_weather", "The weather of a city.", map[string]any{
		"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}},
	})}
	answer, err := mishikallm.Default().ChatCompletion(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	calls := answer.Choices[0].Message.ToolCalls
	if len(calls) != 1 || calls[0].Function.Name != "get_weather" || calls[0].ID == "" ||
		!strings.Contains(calls[0].Function.Arguments, "Paris") || answer.Choices[0].FinishReason != "tool_calls" {
		t.Fatalf("got %s", answer.Raw)
	}
	arguments := ""
	for chunk, err := range mishikallm.Default().ChatCompletionStream(context.Background(), request) {
		if err != nil {
			t.Fatal(err)
		}
		for _, choice := range chunk.Choices {
			for _, call := range choice.Delta.ToolCalls {
				if call.Index == nil || *call.Index != 0 {
					t.Errorf("a piece of no call: %s", chunk.Raw)
				}
				arguments += call.Function.Arguments
			}
		}
	}
	if arguments != calls[0].Function.Arguments {
		t.Errorf("streamed %q, not %q", arguments, calls[0].Function.Arguments)
	}
	// What was answered goes into the next request as it is.
	request.Messages = append(request.Messages, answer.Choices[0].Message, mishikallm.ToolMessage(calls[0].ID, "7 C"))
	if _, err := mishikallm.Default().ChatCompletion(context.Background(), request); err != nil {
		t.Error(err)
	}
}

func TestTritonTellsLogprobs(t *testing.T) {
	request := onTriton(t, "vllm_shape")
	request.Logprobs, request.TopLogprobs = mishikallm.Ptr(true), mishikallm.Ptr(2)
	answer, err := mishikallm.Default().ChatCompletion(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	logprobs := answer.Choices[0].Logprobs
	if logprobs == nil || len(logprobs.Content) == 0 || logprobs.Content[0].Logprob > 0 || len(logprobs.Content[0].TopLogprobs) == 0 {
		t.Errorf("got %s", answer.Raw)
	}
	text := ""
	for _, token := range logprobs.Content {
		text += token.Token
	}
	if text != answer.Text() {
		t.Errorf("the tokens are %q", text)
	}
}

func TestTritonEmbeds(t *testing.T) {
	request := mishikallm.EmbeddingRequest{
		Model: "triton/minilm", Input: []string{"A ship sails.", "A boat sails.", "It rains."},
		Options: mishikallm.Options{APIBase: triton(t)},
	}
	list, err := mishikallm.Default().Embedding(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	may, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{context.Background(), may} {
		made, err := mishikallm.Default().EmbeddingRows(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		if made.Len() != 3 || made.Columns() != 384 || made.Model != list.Model || made.Usage != list.Usage {
			t.Fatalf("%d rows of %d from %q, %+v", made.Len(), made.Columns(), made.Model, made.Usage)
		}
		for i, row := range made.Rows() {
			for j, number := range row {
				if math.Abs(float64(number-list.Data[i].Embedding[j])) > 1e-6 {
					t.Fatalf("row %d, column %d: %v, and as JSON %v", i, j, number, list.Data[i].Embedding[j])
				}
			}
		}
		made.Close()
	}
}

func TestTritonTakesTensors(t *testing.T) {
	answer, err := mishikallm.Default().Invoke(context.Background(), "infer", map[string]any{
		"model": "triton/identity_batched", "api_base": triton(t), "inputs": map[string]any{"in_x": [][]float32{{1, 2, 3}, {4, 5, 6}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(answer), "[1.0,2.0,3.0,4.0,5.0,6.0]") {
		t.Errorf("got %s", answer)
	}
	var health struct{ Status string }
	if answer, err = mishikallm.Default().Invoke(context.Background(), "health", json.RawMessage(`{"api_base":"`+triton(t)+`"}`)); err != nil {
		t.Fatal(err)
	}
	if json.Unmarshal(answer, &health) != nil || health.Status != "healthy" {
		t.Errorf("got %s", answer)
	}
	for chunk, err := range mishikallm.Default().Stream(context.Background(), "server", map[string]string{"api_base": triton(t)}) {
		if err != nil || !strings.Contains(string(chunk), "live") {
			t.Errorf("got %v, %v", chunk, err)
		}
	}
}

// The model itself says in Triton's log that its client has gone.
func TestTritonStopsTheModel(t *testing.T) {
	request := onTriton(t, "tiny_llm")
	request.MaxTokens = mishikallm.Ptr(5000)
	for label, call := range map[string]func(context.Context, mishikallm.ChatCompletionRequest) error{
		"go-whole": func(ctx context.Context, request mishikallm.ChatCompletionRequest) error {
			_, err := mishikallm.Default().ChatCompletion(ctx, request)
			return err
		},
		"go-stream": func(ctx context.Context, request mishikallm.ChatCompletionRequest) error {
			for _, err := range mishikallm.Default().ChatCompletionStream(ctx, request) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		request.Extra = map[string]json.RawMessage{
			"ignore_eos": json.RawMessage("true"), "label": json.RawMessage(`"` + label + `"`),
		}
		// On a busy machine the first one may end before the model has begun.
		limit := 300 * time.Millisecond
		eventually(t, label+" stands in Triton's log", func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			if err := call(ctx, request); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s: got %v", label, err)
			}
			limit *= 2
			for range 20 {
				log, err := os.ReadFile(os.Getenv("TRITON_LOG"))
				if err == nil && strings.Contains(string(log), "tokens at ") && strings.Contains(string(log), "("+label+")") {
					return true
				}
				time.Sleep(100 * time.Millisecond)
			}
			return false
		})
	}
}

func TestTritonErrorsAreTold(t *testing.T) {
	for model, kind := range map[string]mishikallm.Kind{
		"fails_before": mishikallm.ErrInternalServer, "fails_midway": mishikallm.ErrInternalServer,
		"no_response": mishikallm.ErrBadGateway, "nobody_has_this": mishikallm.ErrNotFound,
	} {
		request := onTriton(t, model)
		request.MaxTokens, request.Temperature = nil, nil
		if _, err := mishikallm.Default().ChatCompletion(context.Background(), request); !errors.Is(err, kind) {
			t.Errorf("%s: got %v", model, err)
		}
	}
	request, chunks := onTriton(t, "fails_midway"), 0
	request.MaxTokens, request.Temperature = nil, nil
	for _, err := range mishikallm.Default().ChatCompletionStream(context.Background(), request) {
		if err == nil {
			chunks++
		} else if !errors.Is(err, mishikallm.ErrInternalServer) || chunks == 0 {
			t.Errorf("after %d chunks: %v", chunks, err)
		}
	}
}
