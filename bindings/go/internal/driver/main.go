// The driver of the conformance cases and of the measurements: it uses the package as anybody would.
//
//	driver conformance CASES.json BASE
//	driver calls chat|rows|stream|cancel REQUEST_JSON COUNT
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "conformance":
		err = conformance(args[1], args[2])
	case len(args) == 4 && args[0] == "calls":
		var count int
		if count, err = strconv.Atoi(args[3]); err == nil {
			err = calls(args[1], args[2], count)
		}
	default:
		err = fmt.Errorf("usage: driver conformance CASES.json BASE | driver calls KIND REQUEST_JSON COUNT")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}
