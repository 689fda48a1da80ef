package mishikallm

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// Ptr gives the address of a value, for the fields where zero is not the same as left out: MaxTokens: mishikallm.Ptr(40).
func Ptr[T any](value T) *T { return &value }

// wire is what a typed request, or a configuration, has for its JSON.
type wire struct {
	typed any
	times []seconds
	extra map[string]json.RawMessage
	raw   json.RawMessage
}

// seconds is a time that JSON has as a number.
type seconds struct {
	name  string
	value time.Duration
}

// text makes the JSON, with the NUL that C wants.
func (w wire) text(what string) ([]byte, error) {
	if w.raw != nil {
		return terminated(what, w.raw)
	}
	text, err := json.Marshal(w.typed)
	if err != nil {
		return nil, argumentError(what, "%s: cannot be made JSON: %v", what, err)
	}
	for _, time := range w.times {
		if time.value != 0 {
			text = withField(text, time.name, strconv.AppendFloat(nil, time.value.Seconds(), 'g', -1, 64))
		}
	}
	if len(w.extra) > 0 {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(text, &fields); err != nil {
			return nil, argumentError(what, "%s: cannot be read again: %v", what, err)
		}
		for name, value := range w.extra {
			fields[name] = value
		}
		if text, err = json.Marshal(fields); err != nil {
			return nil, argumentError(what, "%s: Extra cannot be made JSON: %v", what, err)
		}
	}
	// JSON that was made has no NUL byte.
	return append(text, 0), nil
}

// withField adds a field to the end of a JSON object. What is no object stays as it is: the library says so.
func withField(object []byte, name string, value []byte) []byte {
	inner := bytes.TrimRight(object, " \t\r\n\x00")
	if !bytes.HasSuffix(inner, []byte("}")) {
		return object
	}
	rest := object[len(inner):]
	inner = bytes.TrimRight(inner[:len(inner)-1], " \t\r\n")
	made := make([]byte, 0, len(object)+len(name)+len(value)+4)
	made = append(made, inner...)
	if !bytes.HasSuffix(inner, []byte("{")) {
		made = append(made, ',')
	}
	made = append(append(append(made, '"'), name...), '"', ':')
	made = append(append(made, value...), '}')
	return append(made, rest...)
}

// asWhole makes a request one that a stream of the library answers whole. It reports false where the request asks for chunks
// itself, or is wrong in that.
func asWhole(operation, request []byte) ([]byte, bool) {
	if !bytes.Equal(operation, chatCompletions) && !bytes.Equal(operation, completions) {
		return request, true
	}
	if !bytes.Contains(request, []byte(`"stream"`)) {
		return withField(request, "stream", []byte("false")), true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(request[:len(request)-1], &fields) != nil {
		return request, true // the library says what is wrong
	}
	switch stream, isThere := fields["stream"]; {
	case !isThere:
		return withField(request, "stream", []byte("false")), true
	case string(stream) == "false":
		return request, true
	default:
		return request, false
	}
}

// anyRequest makes JSON of what Invoke and the like take.
func anyRequest(request any) ([]byte, error) {
	switch request := request.(type) {
	case json.RawMessage:
		return wire{raw: notNil(request)}.text("request")
	case []byte:
		return wire{raw: notNil(request)}.text("request")
	default:
		return wire{typed: request}.text("request")
	}
}

// notNil lets what is empty be told from what is not there.
func notNil(text []byte) []byte {
	if text == nil {
		return []byte{}
	}
	return text
}
