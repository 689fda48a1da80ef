// Shows an answer as it comes.   go run ./samples/stream URL [MODEL]
package main

import (
	"context"
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

	reason, tokens := "", 0
	for chunk, err := range client.ChatCompletionStream(context.Background(), mishikallm.ChatCompletionRequest{
		Model:         "triton/" + model,
		Messages:      []mishikallm.Message{mishikallm.UserMessage("Tell me a story about the sea.")},
		MaxTokens:     mishikallm.Ptr(60),
		Temperature:   mishikallm.Ptr(0.0),
		StreamOptions: &mishikallm.StreamOptions{IncludeUsage: true},
	}) {
		if err != nil {
			return err
		}
		fmt.Print(chunk.Text())
		if chunk.FinishReason() != "" {
			reason = chunk.FinishReason()
		}
		if chunk.Usage != nil {
			tokens = chunk.Usage.CompletionTokens
		}
	}
	fmt.Printf("\n[%s, %d tokens]\n", reason, tokens)
	return nil
}
