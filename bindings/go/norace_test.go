//go:build !race

package mishikallm_test

const manyGoroutines = 20000
