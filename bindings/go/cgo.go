package mishikallm

/*
#cgo pkg-config: mishikallm
#include "bridge.h"
*/
import "C"

import (
	"bytes"
	"unsafe"
)

// cString lends a text that ends in a NUL to C for the time of one call.
func cString(text []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(text)))
}

// goBytes copies what C gave; it still has to be freed.
func goBytes(text C.go_text) []byte {
	if text.text == nil {
		return nil
	}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(text.text)), int(text.length)))
}

// terminated gives a text the NUL that C wants. One inside it would cut it short there without a word.
func terminated(what string, text []byte) ([]byte, error) {
	if at := bytes.IndexByte(text, 0); at >= 0 {
		return nil, argumentError(what, "%s: expected text without a NUL byte, got one at byte %d", what, at)
	}
	return append(text[:len(text):len(text)], 0), nil
}
