// The calls as a Go programmer writes them by hand: net/http and encoding/json.   usage: peer KIND REQUEST_JSON COUNT
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What the request says of where and what.
type request struct {
	Model    string `json:"model"`
	APIBase  string `json:"api_base"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
	MaxTokens int      `json:"max_tokens"`
	Input     []string `json:"input"`
}

// Triton's generate.
type generate struct {
	TextInput string `json:"text_input"`
	MaxTokens int    `json:"max_tokens"`
	Stream    bool   `json:"stream"`
}

type generated struct {
	TextOutput string `json:"text_output"`
	Error      string `json:"error"`
}

// Triton's infer.
type tensor[T any] struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
	Data     []T    `json:"data"`
}

type infer struct {
	Inputs []tensor[string] `json:"inputs"`
}

type inferred struct {
	Outputs []tensor[float32] `json:"outputs"`
	Error   string            `json:"error"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func fail(what ...any) { check(fmt.Errorf("a wrong answer: %s", fmt.Sprint(what...))) }

func post(url string, body any) *http.Response {
	text, err := json.Marshal(body)
	check(err)
	response, err := http.Post(url, "application/json", bytes.NewReader(text))
	check(err)
	if response.StatusCode != http.StatusOK {
		fail(response.Status)
	}
	return response
}

func (r *request) generate(stream bool) generate {
	return generate{TextInput: r.Messages[0].Content, MaxTokens: r.MaxTokens, Stream: stream}
}

func (r *request) chat() {
	response := post(r.APIBase, r.generate(false))
	defer response.Body.Close()
	var answer generated
	check(json.NewDecoder(response.Body).Decode(&answer))
	io.Copy(io.Discard, response.Body)
	if answer.Error != "" || !strings.HasPrefix(answer.TextOutput, "The quick brown fox") {
		fail(answer)
	}
}

func (r *request) stream() {
	expected, err := strconv.Atoi(strings.TrimPrefix(r.Model, "triton/s"))
	check(err)
	response := post(r.APIBase+"_stream", r.generate(true))
	defer response.Body.Close()
	tokens := 0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !found {
			continue
		}
		var chunk generated
		check(json.Unmarshal(data, &chunk))
		if chunk.Error != "" {
			fail(chunk.Error)
		}
		if strings.HasPrefix(chunk.TextOutput, "token") {
			tokens++
		}
	}
	check(lines.Err())
	if tokens != expected {
		fail(tokens, " tokens")
	}
}

func (r *request) rows() {
	input := tensor[string]{"input_text", "BYTES", []int{len(r.Input), 1}, r.Input}
	response := post(r.APIBase, infer{[]tensor[string]{input}})
	defer response.Body.Close()
	var answer inferred
	check(json.NewDecoder(response.Body).Decode(&answer))
	io.Copy(io.Discard, response.Body)
	if answer.Error != "" || len(answer.Outputs) != 1 || answer.Outputs[0].Shape[0] != len(r.Input) {
		fail(answer.Error)
	}
	width := answer.Outputs[0].Shape[1]
	rows := make([][]float32, len(r.Input))
	for i := range rows {
		rows[i] = answer.Outputs[0].Data[i*width : (i+1)*width]
	}
}

func cpuMicroseconds() float64 {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e3
}

func residentKB() int {
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	check(err)
	return pages * os.Getpagesize() / 1024
}

func main() {
	var r request
	check(json.Unmarshal([]byte(os.Args[2]), &r))
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	call := map[string]func(){"chat": r.chat, "stream": r.stream, "rows": r.rows}[os.Args[1]]
	call() // warms up
	var wall, cpu float64
	var resident []int
	for tenth := 0; tenth < 10; tenth++ {
		began, used := time.Now(), cpuMicroseconds()
		for i := count * tenth / 10; i < count*(tenth+1)/10; i++ {
			call()
		}
		cpu += cpuMicroseconds() - used
		wall += float64(time.Since(began).Nanoseconds()) / 1e3
		resident = append(resident, residentKB())
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"kind": os.Args[1], "calls": count, "wall_us": wall, "cpu_us": cpu, "rss_kb": resident}))
}
