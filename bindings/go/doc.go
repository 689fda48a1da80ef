// Package mishikallm asks models on NVIDIA Triton Inference Server, in OpenAI's terms: chat and text completions, streams
// of them, embeddings, and whatever else Triton can do.
//
// It is a thin layer over the C library libmishikallm, which pkg-config has to find:
//
//	client, err := mishikallm.New(mishikallm.Config{APIBase: "http://localhost:8000"})
//	answer, err := client.ChatCompletion(ctx, mishikallm.ChatCompletionRequest{
//		Model:    "triton/llama",
//		Messages: []mishikallm.Message{mishikallm.UserMessage("What is a ship?")},
//	})
//	fmt.Println(answer.Text())
//
// # Contexts
//
// Every call takes a context first. When it is done, the call ends at the server at once: the connection is closed, and
// Triton stops the model. The error then is an *[Error], and errors.Is finds [context.Canceled] or
// [context.DeadlineExceeded] in it.
//
// # Errors
//
// Whatever fails is an *[Error], and errors.Is(err, mishikallm.ErrRateLimit) and the like tell what it is.
//
// # Fields that this package does not know
//
// A request has Extra, whose fields are added to it, and Raw, which is sent in place of everything else. An answer has Raw:
// what came, to the byte.
//
// # Threads
//
// A goroutine that waits for a server inside the C library holds a thread of the operating system. [SetMaxThreads] bounds
// how many do so at once in the whole process; the others wait in Go, where they cost next to nothing.
package mishikallm
