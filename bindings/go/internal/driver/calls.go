package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

type figures struct {
	Kind   string `json:"kind"`
	Calls  int    `json:"calls"`
	WallUS int64  `json:"wall_us"`
	CPUUS  int64  `json:"cpu_us"`
	RSSKB  []int  `json:"rss_kb"`
}

// calls makes calls one after the other and measures them.
func calls(kind, request string, count int) error {
	if count < 1 {
		return fmt.Errorf("a count of %d", count)
	}
	raw := json.RawMessage(request)
	call, known := map[string]func() error{
		"chat":   func() error { return chat(raw) },
		"rows":   func() error { return rows(raw) },
		"stream": func() error { return stream(raw) },
		"cancel": func() error { return cancel(raw) },
	}[kind]
	if !known {
		return fmt.Errorf("the driver knows no calls of the kind %q", kind)
	}
	if err := call(); err != nil {
		return err
	}
	out := figures{Kind: kind, Calls: count}
	done := 0
	for tenth := 1; tenth <= 10; tenth++ {
		until := count * tenth / 10
		began, cpu := time.Now(), cpuTime()
		for ; done < until; done++ {
			if err := call(); err != nil {
				return fmt.Errorf("call %d: %w", done, err)
			}
		}
		out.WallUS += time.Since(began).Microseconds()
		out.CPUUS += (cpuTime() - cpu).Microseconds()
		runtime.GC()
		kb, err := residentKB()
		if err != nil {
			return err
		}
		out.RSSKB = append(out.RSSKB, kb)
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// A context that can be cancelled, as that of a server's request: the ordinary way.
func chat(raw json.RawMessage) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer, err := mishikallm.Default().ChatCompletion(ctx, mishikallm.ChatCompletionRequest{Raw: raw})
	if err != nil {
		return err
	}
	if answer.Text() == "" || answer.Choices[0].FinishReason == "" {
		return fmt.Errorf("a wrong answer: %s", answer.Raw)
	}
	return nil
}

func rows(raw json.RawMessage) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	made, err := mishikallm.Default().EmbeddingRows(ctx, mishikallm.EmbeddingRequest{Raw: raw})
	if err != nil {
		return err
	}
	defer made.Close()
	if made.Len() == 0 || made.Columns() == 0 || len(made.Row(made.Len()-1)) != made.Columns() {
		return fmt.Errorf("a wrong answer: %d rows of %d", made.Len(), made.Columns())
	}
	return nil
}

func stream(raw json.RawMessage) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	text, reason := 0, ""
	for chunk, err := range mishikallm.Default().ChatCompletionStream(ctx, mishikallm.ChatCompletionRequest{Raw: raw}) {
		if err != nil {
			return err
		}
		text += len(chunk.Text())
		reason += chunk.FinishReason()
	}
	if text == 0 || reason == "" {
		return fmt.Errorf("a wrong stream: %d bytes of text, finish reason %q", text, reason)
	}
	return nil
}

func cancel(raw json.RawMessage) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	chunks := 0
	for chunk, err := range mishikallm.Default().ChatCompletionStream(ctx, mishikallm.ChatCompletionRequest{Raw: raw}) {
		switch {
		case err != nil && chunks == 1 && kindOf(err) == "cancelled":
			return nil
		case err != nil:
			return err
		case len(chunk.Choices) == 0:
			return fmt.Errorf("a wrong chunk: %s", chunk.Raw)
		}
		chunks++
		cancel()
	}
	return fmt.Errorf("the stream ended after %d chunks, and was not cancelled", chunks)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func residentKB() (int, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm: %q", text)
	}
	pages, err := strconv.Atoi(fields[1])
	return pages * os.Getpagesize() / 1024, err
}
