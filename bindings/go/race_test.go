//go:build race

package mishikallm_test

// The race detector ends a program that has more goroutines than this, and is slow.
const manyGoroutines = 4000
