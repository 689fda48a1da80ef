package mishikallm

import "testing"

func opened(t *testing.T) *pending {
	t.Helper()
	request := []byte(`{"model":"triton/m","api_base":"http://h:1","messages":[{"role":"user","content":"hi"}]}` + "\x00")
	made, err := defaultClient.open(chatCompletions, request)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// A context's goroutine that comes late finds nothing to cancel.
func TestALateCancelFindsNothing(t *testing.T) {
	call := opened(t)
	call.end(func() bool { return false }, nil)
	if call.users.hold() {
		t.Fatal("what is freed can be held")
	}
	call.cancel()
}

// One that is at it keeps the stream until it is done.
func TestACancelKeepsWhatItCancels(t *testing.T) {
	call := opened(t)
	if !call.users.hold() {
		t.Fatal("a new call cannot be held")
	}
	call.end(func() bool { return false }, nil)
	if holders := call.users.holders.Load(); holders != 1 {
		t.Fatalf("%d hold it, and one is cancelling", holders)
	}
	call.drop()
	if call.users.hold() {
		t.Fatal("what is freed can be held")
	}
}
