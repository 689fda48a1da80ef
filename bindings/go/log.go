package mishikallm

/*
#include "bridge.h"

extern void mishikallmGoLog(int32_t level, char *message, void *userdata);

static inline int32_t go_set_log(int32_t level) {
	return mishikallm_set_log(level ? (mishikallm_log_fn)mishikallmGoLog : NULL, NULL, level);
}
*/
import "C"

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"unsafe"
)

// SetLogger sets where the C library's log goes, for the whole process; nil: nowhere, as at first. Nothing below the level is
// logged: slog.LevelDebug has a line for each request. No line holds a key, a header's value or a prompt.
//
// The logger's handler runs while a call is made, so it should be quick. It must not make calls: they would wait for a thread
// that its own call may hold, see [SetMaxThreads]. A panic in it is dropped. SetLogger from inside it returns an error.
func SetLogger(to *slog.Logger, level slog.Level) error {
	number := C.int32_t(0)
	if to != nil {
		number = numberOf(level)
	}
	// Who sets it waits for handlers that run, one of which may be here.
	if !loggerLock.TryLock() {
		return argumentError("logger", "SetLogger: another SetLogger is under way, or this is a logger's handler")
	}
	defer loggerLock.Unlock()
	before := logger.Swap(to)
	if status := C.go_set_log(number); status != C.MISHIKALLM_OK {
		logger.Store(before)
		return argumentError("logger", "SetLogger: cannot be called from a logger's handler")
	}
	return nil
}

var (
	logger     atomic.Pointer[slog.Logger]
	loggerLock sync.Mutex
)

// numberOf is the most that the library is to tell for a level of slog's.
func numberOf(level slog.Level) C.int32_t {
	switch {
	case level <= slog.LevelDebug:
		return C.MISHIKALLM_LOG_DEBUG
	case level <= slog.LevelInfo:
		return C.MISHIKALLM_LOG_INFO
	case level <= slog.LevelWarn:
		return C.MISHIKALLM_LOG_WARN
	default:
		return C.MISHIKALLM_LOG_ERROR
	}
}

func levelOf(number C.int32_t) slog.Level {
	switch number {
	case C.MISHIKALLM_LOG_ERROR:
		return slog.LevelError
	case C.MISHIKALLM_LOG_WARN:
		return slog.LevelWarn
	case C.MISHIKALLM_LOG_INFO:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

//export mishikallmGoLog
func mishikallmGoLog(level C.int32_t, message *C.char, _ unsafe.Pointer) {
	// A panic must not pass through the library's frames.
	defer func() { _ = recover() }()
	if to := logger.Load(); to != nil {
		to.Log(context.Background(), levelOf(level), C.GoString(message))
	}
}
