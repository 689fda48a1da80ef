package mishikallm

// #include "bridge.h"
import "C"

import "encoding/json"

// Version is that of the C library that is loaded, such as "0.1.0".
func Version() string { return C.GoString(C.mishikallm_version()) }

// Info tells what the C library that is loaded can do, as a JSON object: version, abi, features, operations and limits.
func Info() json.RawMessage {
	text := C.go_info()
	defer C.mishikallm_string_free(text.text)
	return goBytes(text)
}
