package mishikallm

// #include "bridge.h"
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind is what an error is, for errors.Is:
//
//	if errors.Is(err, mishikallm.ErrRateLimit) { … }
type Kind string

// The kinds of errors.
const (
	// ErrBadRequest: the request or the configuration is wrong, and Param names the field. HTTP 400, and every 4xx that has no
	// kind of its own.
	ErrBadRequest Kind = "bad_request"
	// ErrAuthentication: HTTP 401.
	ErrAuthentication Kind = "authentication"
	// ErrPermissionDenied: HTTP 403.
	ErrPermissionDenied Kind = "permission_denied"
	// ErrNotFound: HTTP 404.
	ErrNotFound Kind = "not_found"
	// ErrTimeout: one of the call's time-outs ran out, the context's deadline passed, or HTTP 408.
	ErrTimeout Kind = "timeout"
	// ErrTooLarge: HTTP 413, or a limit of the library.
	ErrTooLarge Kind = "too_large"
	// ErrUnprocessable: HTTP 422.
	ErrUnprocessable Kind = "unprocessable"
	// ErrRateLimit: HTTP 429; or another goroutine is waiting for the same stream.
	ErrRateLimit Kind = "rate_limit"
	// ErrConnection: the server cannot be reached: its name, the connection, TLS.
	ErrConnection Kind = "connection"
	// ErrInternalServer: HTTP 500, and every 5xx that has no kind of its own.
	ErrInternalServer Kind = "internal_server"
	// ErrBadGateway: the answer was cut short, or is not what Triton sends; HTTP 502.
	ErrBadGateway Kind = "bad_gateway"
	// ErrServiceUnavailable: HTTP 503, or no deployment is left that could take the call.
	ErrServiceUnavailable Kind = "service_unavailable"
	// ErrCancelled: the call was cancelled. errors.Is finds context.Canceled too.
	ErrCancelled Kind = "cancelled"
	// ErrClosed: the client, or the stream, is closed.
	ErrClosed Kind = "closed"
)

// Error lets a kind stand as the target of errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is what every call returns that fails.
//
// It never holds a key, a header's value or a prompt, unless the server's own words repeat it.
type Error struct {
	// Kind is also what errors.Is compares with.
	Kind Kind
	// Message says what is wrong, and what was expected.
	Message string
	// Type is OpenAI's, such as "invalid_request_error".
	Type string
	// Param is the field at fault, or "".
	Param string
	// Code is OpenAI's: a word, or the HTTP status.
	Code string
	// Status is the HTTP status, or the one that says the same.
	Status int
	// RetryAfter is how long the server asked to wait; nil where it did not.
	RetryAfter *time.Duration
	// StatusName is the C library's status, such as "ARGUMENT" for MISHIKALLM_ARGUMENT.
	StatusName string

	cause error
}

// Error gives the kind and the message.
func (e *Error) Error() string {
	return "mishikallm: " + string(e.Kind) + ": " + e.Message
}

// Is reports whether target is the error's kind.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// Unwrap gives the error of the context that ended the call, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Timeout reports whether time ran out, as the errors of package net do.
func (e *Error) Timeout() bool { return e.Kind == ErrTimeout }

// kindOf sorts what the library says.
func kindOf(status C.int32_t, http int) Kind {
	switch status {
	case C.MISHIKALLM_ARGUMENT, C.MISHIKALLM_CONFIG:
		return ErrBadRequest
	case C.MISHIKALLM_BUSY:
		return ErrRateLimit
	case C.MISHIKALLM_CONNECT:
		return ErrConnection
	case C.MISHIKALLM_DEADLINE:
		return ErrTimeout
	case C.MISHIKALLM_PROTOCOL:
		return ErrBadGateway
	case C.MISHIKALLM_CANCELLED:
		return ErrCancelled
	case C.MISHIKALLM_CLOSED:
		return ErrClosed
	case C.MISHIKALLM_UNAVAILABLE:
		return ErrServiceUnavailable
	}
	switch http {
	case 401:
		return ErrAuthentication
	case 403:
		return ErrPermissionDenied
	case 404:
		return ErrNotFound
	case 408:
		return ErrTimeout
	case 413:
		return ErrTooLarge
	case 422:
		return ErrUnprocessable
	case 429:
		return ErrRateLimit
	case 502:
		return ErrBadGateway
	case 503:
		return ErrServiceUnavailable
	}
	if http >= 400 && http < 500 {
		return ErrBadRequest
	}
	return ErrInternalServer
}

// errorFrom reads the library's error.
func errorFrom(status C.int32_t, text []byte) *Error {
	var body struct {
		Error struct {
			Message    string   `json:"message"`
			Type       string   `json:"type"`
			Param      string   `json:"param"`
			Code       string   `json:"code"`
			Status     int      `json:"status"`
			RetryAfter *float64 `json:"retry_after"`
		} `json:"error"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		body.Error.Message = fmt.Sprintf("the library told an error that cannot be read: %v", err)
		body.Error.Status = 500
	}
	from := body.Error
	made := &Error{
		Kind: kindOf(status, from.Status), Message: from.Message, Type: from.Type, Param: from.Param, Code: from.Code,
		Status: from.Status, StatusName: statusName(status),
	}
	if from.RetryAfter != nil {
		after := time.Duration(*from.RetryAfter * float64(time.Second))
		made.RetryAfter = &after
	}
	return made
}

// refusal reads the error of a function that gives no status. Nothing was sent yet, so that there are few.
func refusal(text []byte, wrong C.int32_t) *Error {
	made := errorFrom(wrong, text)
	status := wrong
	switch made.Status {
	case 413:
		status = C.MISHIKALLM_LIMIT
	case 499:
		status = C.MISHIKALLM_CLOSED
	case 500:
		status = C.MISHIKALLM_PANIC
	}
	made.Kind, made.StatusName = kindOf(status, made.Status), statusName(status)
	return made
}

func statusName(status C.int32_t) string {
	return C.GoString(C.mishikallm_status_name(status))
}

// argumentError is about a mistake that is found before the library is asked.
func argumentError(param, format string, values ...any) *Error {
	return &Error{
		Kind: ErrBadRequest, Message: fmt.Sprintf(format, values...), Type: "invalid_request_error", Param: param, Code: "400",
		Status: 400, StatusName: "ARGUMENT",
	}
}

func closedError(message string) *Error {
	return &Error{
		Kind: ErrClosed, Message: message, Type: "invalid_request_error", Code: "499", Status: 499, StatusName: "CLOSED",
	}
}

// contextError says why a context that is done ended a call.
func contextError(ctx context.Context) *Error {
	made := &Error{
		Kind: ErrCancelled, Message: "the call was cancelled by its context", Type: "invalid_request_error", Code: "499",
		Status: 499, StatusName: "CANCELLED", cause: ctx.Err(),
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		made.Kind, made.Message = ErrTimeout, "the context's deadline passed"
		made.Code, made.Status, made.StatusName = "408", 408, "DEADLINE"
	}
	if cause := context.Cause(ctx); cause != ctx.Err() {
		made.cause = errors.Join(ctx.Err(), cause)
	}
	return made
}

// unreadable is about an answer that is not what the library promises.
func unreadable(what string, err error) *Error {
	return &Error{
		Kind: ErrBadGateway, Message: fmt.Sprintf("%s cannot be read: %v", what, err), Type: "internal_server_error",
		Code: "502", Status: 502, StatusName: "PROTOCOL",
	}
}
