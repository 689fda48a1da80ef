// Cancels a story after five pieces of it.   go run ./samples/cancel URL [MODEL]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/mishikallm/mishikallm/bindings/go"
)

func main() {
	url, model := os.Args[1], "tiny_llm"
	if len(os.Args) > 2 {
		model = os.Args[2]
	}
	if err := run(url, model); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, model string) error {
	client, err := mishikallm.New(mishikallm.Config{APIBase: url})
	if err != nil {
		return err
	}
	defer client.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	deltas := 0
	for chunk, err := range client.ChatCompletionStream(ctx, mishikallm.ChatCompletionRequest{
		Model:     "triton/" + model,
		Messages:  []mishikallm.Message{mishikallm.UserMessage("Tell me a story about the sea.")},
		MaxTokens: mishikallm.Ptr(5000),
		Extra: map[string]json.RawMessage{
			"ignore_eos": json.RawMessage(`true`),
			"label":      json.RawMessage(`"cancel-go"`),
		},
	}) {
		if errors.Is(err, context.Canceled) {
			fmt.Println("\n[cancelled]")
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Print(chunk.Text())
		if deltas++; deltas == 5 {
			cancel() // from wherever: the loop's next error says so
		}
	}
	return errors.New("the story ended before it was cancelled")
}
