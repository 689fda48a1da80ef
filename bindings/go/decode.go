package mishikallm

import "encoding/json"

// The types below read themselves without their own UnmarshalJSON, and keep what they read.
type (
	plainChatCompletion      ChatCompletion
	plainChatCompletionChunk ChatCompletionChunk
	plainCompletion          Completion
	plainEmbeddingList       EmbeddingList
)

func decodeChatCompletion(text []byte) (*ChatCompletion, error) {
	var made plainChatCompletion
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, unreadable("the chat completion", err)
	}
	made.Raw = text
	return (*ChatCompletion)(&made), nil
}

func decodeChatCompletionChunk(text []byte) (*ChatCompletionChunk, error) {
	var made plainChatCompletionChunk
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, unreadable("the chunk", err)
	}
	made.Raw = text
	return (*ChatCompletionChunk)(&made), nil
}

func decodeCompletion(text []byte) (*Completion, error) {
	var made plainCompletion
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, unreadable("the text completion", err)
	}
	made.Raw = text
	return (*Completion)(&made), nil
}

func decodeEmbeddingList(text []byte) (*EmbeddingList, error) {
	var made plainEmbeddingList
	if err := json.Unmarshal(text, &made); err != nil {
		return nil, unreadable("the list of embeddings", err)
	}
	made.Raw = text
	return (*EmbeddingList)(&made), nil
}

// marshal writes what came, or where that was dropped, the fields as they are.
func marshal(raw json.RawMessage, fields any) ([]byte, error) {
	if raw != nil {
		return raw, nil
	}
	return json.Marshal(fields)
}

// unmarshal reads an answer that was kept somewhere.
func unmarshal[T any](text []byte, decode func([]byte) (*T, error), into *T) error {
	made, err := decode(append([]byte(nil), text...))
	if err == nil {
		*into = *made
	}
	return err
}

// MarshalJSON writes Raw, unless it is nil.
func (c ChatCompletion) MarshalJSON() ([]byte, error) { return marshal(c.Raw, plainChatCompletion(c)) }

// UnmarshalJSON reads what MarshalJSON writes.
func (c *ChatCompletion) UnmarshalJSON(text []byte) error {
	return unmarshal(text, decodeChatCompletion, c)
}

// MarshalJSON writes Raw, unless it is nil.
func (c ChatCompletionChunk) MarshalJSON() ([]byte, error) {
	return marshal(c.Raw, plainChatCompletionChunk(c))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *ChatCompletionChunk) UnmarshalJSON(text []byte) error {
	return unmarshal(text, decodeChatCompletionChunk, c)
}

// MarshalJSON writes Raw, unless it is nil.
func (c Completion) MarshalJSON() ([]byte, error) { return marshal(c.Raw, plainCompletion(c)) }

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Completion) UnmarshalJSON(text []byte) error { return unmarshal(text, decodeCompletion, c) }

// MarshalJSON writes Raw, unless it is nil.
func (l EmbeddingList) MarshalJSON() ([]byte, error) { return marshal(l.Raw, plainEmbeddingList(l)) }

// UnmarshalJSON reads what MarshalJSON writes.
func (l *EmbeddingList) UnmarshalJSON(text []byte) error {
	return unmarshal(text, decodeEmbeddingList, l)
}
