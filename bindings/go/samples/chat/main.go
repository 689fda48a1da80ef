// Asks a model one thing.   go run ./samples/chat URL [MODEL]
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

	answer, err := client.ChatCompletion(context.Background(), mishikallm.ChatCompletionRequest{
		Model:       "triton/" + model,
		Messages:    []mishikallm.Message{mishikallm.UserMessage("What is a ship?")},
		MaxTokens:   mishikallm.Ptr(40),
		Temperature: mishikallm.Ptr(0.0),
	})
	if err != nil {
		return err
	}
	fmt.Println(answer.Text())
	fmt.Printf("[%s, %d tokens]\n", answer.Choices[0].FinishReason, answer.Usage.CompletionTokens)
	return nil
}
