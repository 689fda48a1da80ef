// Tells how near sentences are to each other.   go run ./samples/embed URL [MODEL]
package main

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/mishikallm/mishikallm/bindings/go"
)

func main() {
	url, model := os.Args[1], "minilm"
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

	made, err := client.EmbeddingRows(context.Background(), mishikallm.EmbeddingRequest{
		Model: "triton/" + model,
		Input: []string{
			"A ship sails on the sea.",
			"A boat crosses the water.",
			"It rains in the mountains.",
		},
	})
	if err != nil {
		return err
	}
	defer made.Close() // the rows are valid until then

	fmt.Printf("%d rows of %d numbers\n", made.Len(), made.Columns())
	rows := made.Rows()
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {1, 2}} {
		fmt.Printf("%d-%d %.3f\n", pair[0], pair[1], cosine(rows[pair[0]], rows[pair[1]]))
	}
	return nil
}

func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}
