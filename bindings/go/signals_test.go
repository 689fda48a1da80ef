package mishikallm_test

import (
	"context"
	"io"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/mishikallm/mishikallm/bindings/go"
)

// A profiler, Go's own preemption and others interrupt the system calls of threads that wait: no call may fail of it.
func TestSignalsInterruptNoCall(t *testing.T) {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGURG)
			}
		}
	}()
	server := serve(t, drips(50, 2*time.Millisecond))
	chunks := 0
	for _, err := range mishikallm.Default().ChatCompletionStream(context.Background(), chat(server.generate())) {
		if err != nil {
			t.Fatal(err)
		}
		chunks++
	}
	if chunks != 51 {
		t.Errorf("%d chunks", chunks)
	}
}
