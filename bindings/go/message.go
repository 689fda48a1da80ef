package mishikallm

import (
	"bytes"
	"encoding/json"
)

// Message is one of a chat: what is asked, and what is answered. An answer's message can be put into the next request.
type Message struct {
	// Role is "system", "developer", "user", "assistant" or "tool".
	Role string
	// Content is the text. In an answer without one it is "".
	Content string
	// Parts, where it is not nil, is the content in Content's place.
	Parts []Part
	// Name is who speaks, among several of the same role.
	Name string
	// ReasoningContent is what the model thought, where Options.SeparateReasoning asks for it.
	ReasoningContent string
	// Refusal is why the model does not answer.
	Refusal string
	// ToolCalls are the calls that an assistant asks for.
	ToolCalls []ToolCall
	// ToolCallID says which call a message of the role "tool" answers.
	ToolCallID string
}

// SystemMessage tells the model how to behave.
func SystemMessage(text string) Message { return Message{Role: "system", Content: text} }

// UserMessage is what somebody asks.
func UserMessage(text string) Message { return Message{Role: "user", Content: text} }

// AssistantMessage is what the model said before.
func AssistantMessage(text string) Message { return Message{Role: "assistant", Content: text} }

// ToolMessage is what a call of a tool came to.
func ToolMessage(callID, text string) Message {
	return Message{Role: "tool", ToolCallID: callID, Content: text}
}

// messageJSON is a Message as it is written.
type messageJSON struct {
	Role             string          `json:"role"`
	Content          json.RawMessage `json:"content"`
	Name             string          `json:"name,omitempty"`
	ReasoningContent string          `json:"reasoning_content,omitempty"`
	Refusal          string          `json:"refusal,omitempty"`
	ToolCalls        []ToolCall      `json:"tool_calls,omitempty"`
	ToolCallID       string          `json:"tool_call_id,omitempty"`
}

// MarshalJSON writes the content as a text, as parts, or, where a message has only calls of tools, as null.
func (m Message) MarshalJSON() ([]byte, error) {
	var content []byte
	var err error
	switch {
	case m.Parts != nil:
		content, err = json.Marshal(m.Parts)
	case m.Content == "" && len(m.ToolCalls) > 0:
		content = []byte("null")
	default:
		content, err = json.Marshal(m.Content)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(messageJSON{
		m.Role, content, m.Name, m.ReasoningContent, m.Refusal, m.ToolCalls, m.ToolCallID,
	})
}

// UnmarshalJSON reads a content that is a text, a list of parts, or null.
func (m *Message) UnmarshalJSON(text []byte) error {
	var read messageJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*m = Message{
		Role: read.Role, Name: read.Name, ReasoningContent: read.ReasoningContent, Refusal: read.Refusal,
		ToolCalls: read.ToolCalls, ToolCallID: read.ToolCallID,
	}
	switch {
	case len(read.Content) == 0:
		return nil
	case bytes.HasPrefix(read.Content, []byte("[")):
		return json.Unmarshal(read.Content, &m.Parts)
	default:
		return json.Unmarshal(read.Content, &m.Content)
	}
}

// Part is a piece of a message's content.
type Part struct {
	// Type is "text" or "image_url".
	Type     string
	Text     string
	ImageURL *ImageURL
}

// TextPart is a piece of text.
func TextPart(text string) Part { return Part{Type: "text", Text: text} }

// ImagePart is an image: an address, or a data URL.
func ImagePart(url string) Part { return Part{Type: "image_url", ImageURL: &ImageURL{URL: url}} }

// ImageURL is where an image is.
type ImageURL struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitempty"`
}

type partJSON struct {
	Type     string    `json:"type"`
	Text     *string   `json:"text,omitempty"`
	ImageURL *ImageURL `json:"image_url,omitempty"`
}

// MarshalJSON writes a text even where it is empty.
func (p Part) MarshalJSON() ([]byte, error) {
	out := partJSON{Type: p.Type, ImageURL: p.ImageURL}
	if p.Type == "text" || p.Text != "" {
		out.Text = &p.Text
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Part) UnmarshalJSON(text []byte) error {
	var read partJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*p = Part{Type: read.Type, ImageURL: read.ImageURL}
	if read.Text != nil {
		p.Text = *read.Text
	}
	return nil
}

// Tool is what a model may call.
type Tool struct {
	// Type is "function".
	Type     string   `json:"type"`
	Function Function `json:"function"`
}

// FunctionTool makes a tool of a function. The parameters are a JSON schema: a json.RawMessage, a map, or any other value
// that json.Marshal makes one of.
func FunctionTool(name, description string, parameters any) Tool {
	return Tool{Type: "function", Function: Function{Name: name, Description: description, Parameters: parameters}}
}

// Function is what a model is told of a function.
type Function struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Parameters is a JSON schema.
	Parameters any   `json:"parameters,omitempty"`
	Strict     *bool `json:"strict,omitempty"`
}

// ToolCall is a call that a model asks for. In a chunk it is a piece of one: Index says which, and the arguments of its
// pieces are to be joined.
type ToolCall struct {
	Index    *int         `json:"index,omitempty"`
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function FunctionCall `json:"function"`
}

// FunctionCall is which function is to be called, and with what.
type FunctionCall struct {
	Name string `json:"name,omitempty"`
	// Arguments is JSON as the model wrote it, which need not be valid.
	Arguments string `json:"arguments"`
}
