package mishikallm_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// gives answers rows of numbers as binary data, as Triton's infer does: the number of row r and column c is
// first + r + c/1024.
func gives(first, rows, columns int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		head := fmt.Sprintf(`{"model_name":"m","model_version":"1","outputs":[{"name":"embedding","datatype":"FP32",`+
			`"shape":[%d,%d],"parameters":{"binary_data_size":%d}}]}`, rows, columns, rows*columns*4)
		body := []byte(head)
		for r := range rows {
			for c := range columns {
				body = binary.LittleEndian.AppendUint32(body, math.Float32bits(float32(first+r)+float32(c)/1024))
			}
		}
		w.Header().Set("inference-header-content-length", strconv.Itoa(len(head)))
		w.Header().Set("content-type", "application/octet-stream")
		_, _ = w.Write(body)
	}
}

func rowsFrom(t testing.TB, server *fake, rows int) *mishikallm.Embeddings {
	t.Helper()
	request := texts(server.URL+"/m/infer", make([]string, rows)...)
	return must[*mishikallm.Embeddings](t)(mishikallm.Default().EmbeddingRows(context.Background(), request))
}

func TestRowsAreTheMemoryOfC(t *testing.T) {
	server := serve(t, gives(0, 3, 16))
	made := rowsFrom(t, server, 3)
	if made.Len() != 3 || made.Columns() != 16 || made.Model != "m" {
		t.Fatalf("%d rows of %d from %q", made.Len(), made.Columns(), made.Model)
	}
	rows, data, copied := made.Rows(), made.Data(), made.Copy()
	for r := range 3 {
		for c := range 16 {
			if want := float32(r) + float32(c)/1024; rows[r][c] != want || copied[r][c] != want || data[r*16+c] != want {
				t.Fatalf("row %d, column %d: %v, %v, %v", r, c, rows[r][c], copied[r][c], data[r*16+c])
			}
		}
		if &made.Row(r)[0] != &rows[r][0] || &rows[r][0] != &data[r*16] || &copied[r][0] == &rows[r][0] {
			t.Errorf("row %d: what is shown is a copy, or what is copied is shown", r)
		}
		if cap(rows[r]) != 16 || cap(made.Row(r)) != 16 || cap(copied[r]) != 16 {
			t.Errorf("row %d can be appended to over the next", r)
		}
	}
	for _, i := range []int{-1, 3} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("there is a row %d", i)
				}
			}()
			made.Row(i)
		}()
	}
	made.Close()
	made.Close()
	if made.Len() != 0 || made.Columns() != 0 || made.Row(0) != nil || made.Rows() != nil || made.Data() != nil || made.Copy() != nil {
		t.Error("something is shown after Close")
	}
	if copied[2][15] != 2+15./1024 {
		t.Error("a copy did not outlive Close")
	}
}

func resident(t testing.TB) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// Without the net these would take 400 MB.
func TestRowsThatAreForgottenAreFreed(t *testing.T) {
	server := serve(t, gives(0, 256, 1024))
	rowsFrom(t, server, 256).Close()
	before := resident(t)
	for i := range 400 {
		if made := rowsFrom(t, server, 256); made.Len() != 256 || made.Copy()[255][0] != 255 {
			t.Fatal("wrong rows")
		}
		if i%10 == 0 {
			runtime.GC()
		}
	}
	if grown := resident(t) - before; grown > 150<<20 {
		t.Errorf("%d MB more than before", grown>>20)
	}
}

// A slice is all that is kept of these: the collector must not free what it shows. Each answer has other numbers, so that
// memory that was freed would show those of a later one.
func TestRowsThatAreShownAreNotFreed(t *testing.T) {
	var answers atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		gives(int(answers.Add(1)), 8, 1024)(w, r)
	})
	var kept [][]float32
	for range 100 {
		kept = append(kept, rowsFrom(t, server, 8).Row(7))
		runtime.GC()
	}
	for i, row := range kept {
		if want := float32(i + 1 + 7); row[0] != want || row[1023] != want+1023./1024 {
			t.Fatalf("row %d, which is kept, was freed: it shows %v and %v", i, row[0], row[1023])
		}
	}
}

func TestEmbeddingsAsJSON(t *testing.T) {
	server := serve(t, gives(0, 2, 4))
	for _, format := range []string{"", "float", "base64"} {
		request := texts(server.URL+"/m/infer", "a", "b")
		request.EncodingFormat = format
		list := must[*mishikallm.EmbeddingList](t)(mishikallm.Default().Embedding(context.Background(), request))
		if len(list.Data) != 2 || list.Data[1].Index != 1 ||
			!slices.Equal(list.Data[1].Embedding, mishikallm.Vector{1, 1 + 1./1024, 1 + 2./1024, 1 + 3./1024}) {
			t.Errorf("%q: got %+v", format, list)
		}
		isText := strings.Contains(string(list.Raw), `"embedding":"`)
		if isText != (format == "base64") {
			t.Errorf("%q: it came as %s", format, list.Raw)
		}
	}
	var vector mishikallm.Vector
	for _, wrong := range []string{`"AA="`, `"AAA="`, `7`, `"?"`} {
		if err := json.Unmarshal([]byte(wrong), &vector); err == nil {
			t.Errorf("%s is a vector", wrong)
		}
	}
}
