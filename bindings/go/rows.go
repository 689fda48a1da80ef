package mishikallm

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Embeddings are rows of numbers, one for each input of a request. They lie where the C library put them.
//
// Row, Rows and Data show that memory itself: no number is copied. What they give must not be used after Close, nor
// changed. Copy gives numbers that are Go's own.
//
// Embeddings that nobody knows any more are freed by the garbage collector, unless Row, Rows or Data was asked for: it cannot
// tell whether such a slice is still used. After those only Close frees them.
type Embeddings struct {
	// Model and Usage are as in an EmbeddingList.
	Model string
	Usage Usage

	mu     sync.Mutex
	handle *C.mishikallm_embeddings // nil once closed
	data   []float32
	rows   int
	shown  bool
}

// EmbeddingRows asks for embeddings and waits for all of them, as numbers: no JSON of them is made, and floats that the
// server sends as binary data are handed out where they arrived. Whoever asked calls Close.
func (c *Client) EmbeddingRows(ctx context.Context, request EmbeddingRequest) (*Embeddings, error) {
	body, err := request.wire()
	if err != nil {
		return nil, err
	}
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	defer c.drop()
	if err := takeTurn(ctx, nil, c.closed); err != nil {
		return nil, err
	}
	defer inC.giveBack()
	pending, err := c.open(embeddings, body)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, pending.cancel)
	answer := C.go_next_rows(pending.handle)
	text := goBytes(answer.text)
	pending.end(stop, answer.text.text)
	text, err = settle(ctx, answer.text.status, text)
	if err != nil {
		return nil, err
	}

	made := &Embeddings{handle: answer.made, rows: int(answer.rows)}
	made.data = unsafe.Slice((*float32)(unsafe.Pointer(answer.data)), int(answer.rows*answer.columns))
	runtime.SetFinalizer(made, (*Embeddings).free)
	var who struct {
		Model string `json:"model"`
		Usage Usage  `json:"usage"`
	}
	if err := json.Unmarshal(text, &who); err != nil {
		_ = made.Close()
		return nil, unreadable("what the embeddings are of", err)
	}
	made.Model, made.Usage = who.Model, who.Usage
	return made, nil
}

// Len is the number of rows, which is that of the inputs; 0 after Close.
func (e *Embeddings) Len() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rows
}

// Columns is how many numbers a row has; 0 after Close.
func (e *Embeddings) Columns() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.columns()
}

func (e *Embeddings) columns() int {
	if e.rows == 0 {
		return 0
	}
	return len(e.data) / e.rows
}

// Row shows the numbers of the input i. After Close it gives nil; else an i that is out of range panics, as an index does.
func (e *Embeddings) Row(i int) []float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		return nil
	}
	if i < 0 || i >= e.rows {
		panic(fmt.Sprintf("mishikallm: row %d of embeddings that have %d", i, e.rows))
	}
	e.shown = true
	columns := e.columns()
	return e.data[i*columns : (i+1)*columns : (i+1)*columns]
}

// Rows shows all rows. After Close it gives nil.
func (e *Embeddings) Rows() [][]float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		return nil
	}
	e.shown = true
	return rowsOf(e.data, e.rows)
}

// Data shows all numbers, the first row, then the second, and so on. After Close it gives nil.
func (e *Embeddings) Data() []float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shown = e.handle != nil
	return e.data
}

// Copy gives the rows in memory of Go's own, which outlives Close. After Close it gives nil.
func (e *Embeddings) Copy() [][]float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		return nil
	}
	return rowsOf(append([]float32(nil), e.data...), e.rows)
}

// Close frees the numbers: every slice that Row, Rows or Data gave is invalid from here on. It may be called any number of
// times. The error is always nil.
func (e *Embeddings) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle != nil {
		runtime.SetFinalizer(e, nil)
		C.mishikallm_embeddings_free(e.handle)
		e.handle, e.data, e.rows = nil, nil, 0
	}
	return nil
}

// free is the net beneath who forgets Close.
func (e *Embeddings) free() {
	if !e.shown {
		_ = e.Close()
	}
}

// rowsOf cuts numbers into rows. None of them can be appended to over the next.
func rowsOf(data []float32, rows int) [][]float32 {
	if rows == 0 {
		return nil
	}
	made, columns := make([][]float32, rows), len(data)/rows
	for i := range made {
		made[i] = data[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return made
}
