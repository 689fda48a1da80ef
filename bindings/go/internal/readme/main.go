// Does what README.md says: runs each of its fenced blocks, and compares what it prints.
//
//	go run ./internal/readme README.md FOLDER     with TRITON, PREFIX and GOPROXY set; FOLDER is made anew
//
// A block of Go that is a whole program becomes main.go of FOLDER; the shell's blocks run there, in their order. All other
// blocks of Go become functions with a context and a client. What stands after "// Output:" has to be printed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The names of the test server's models, for those of the text.
var names = []string{"triton/llama", "triton/tiny_llm", "triton/e5", "triton/minilm", "triton/qwen", "triton/scripted"}

// Packages that blocks use without saying so.
var packages = []string{"context", "encoding/json", "errors", "fmt", "io", "log/slog", "os", "time"}

type block struct {
	language, text string
	line           int
}

func main() {
	if len(os.Args) != 3 || os.Getenv("TRITON") == "" {
		fmt.Fprintln(os.Stderr, "usage: TRITON=URL go run ./internal/readme README.md FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run(readme, folder string) error {
	blocks, err := read(readme)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	var fragments []block
	for _, one := range blocks {
		switch {
		case one.language == "sh":
			if err := execute(folder, one.line, "bash", "-euo", "pipefail", "-c", one.text); err != nil {
				return err
			}
		case one.language == "go" && strings.HasPrefix(one.text, "package main\n"):
			if err := write(folder, one.text); err != nil {
				return err
			}
		case one.language == "go":
			fragments = append(fragments, one)
		default:
			return fmt.Errorf("line %d: nobody runs a block of %q", one.line, one.language)
		}
	}
	if len(fragments) == 0 || len(fragments) == len(blocks) {
		return fmt.Errorf("%s has %d blocks, %d of them parts of programs: has it changed its form?", readme, len(blocks), len(fragments))
	}
	if err := write(filepath.Join(folder, "parts"), program(fragments)); err != nil {
		return err
	}
	if err := execute(folder, fragments[0].line, "go", "build", "-o", "parts/parts", "./parts"); err != nil {
		return err
	}
	for i, one := range fragments {
		if err := compare(folder, i, one); err != nil {
			return err
		}
	}
	fmt.Printf("all %d blocks of %s run\n", len(blocks), readme)
	return nil
}

// read finds the fenced blocks.
func read(readme string) ([]block, error) {
	text, err := os.ReadFile(readme)
	if err != nil {
		return nil, err
	}
	replaced := append([]string{"http://localhost:8000", os.Getenv("TRITON")}, names...)
	var found []block
	var inside *block
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case inside == nil && strings.HasPrefix(line, "```"):
			inside = &block{language: strings.TrimPrefix(line, "```"), line: i + 1}
		case inside != nil && line == "```":
			inside.text = strings.NewReplacer(replaced...).Replace(inside.text)
			found, inside = append(found, *inside), nil
		case inside != nil:
			inside.text += line + "\n"
		}
	}
	if inside != nil {
		return nil, fmt.Errorf("line %d: a block without an end", inside.line)
	}
	return found, nil
}

// program makes one of all parts; its argument says which is to run.
func program(fragments []block) string {
	var body strings.Builder
	for i, one := range fragments {
		fmt.Fprintf(&body, "func part%d(ctx context.Context, client *mishikallm.Client) error {\n%s\nreturn nil\n}\n\n", i, one.text)
	}
	body.WriteString("func main() {\n\tclient, err := mishikallm.New(mishikallm.Config{APIBase: os.Getenv(\"TRITON\")})\n")
	body.WriteString("\tif err == nil {\n\t\tdefer client.Close()\n\t\terr = map[string]func(context.Context, *mishikallm.Client) error{")
	for i := range fragments {
		fmt.Fprintf(&body, "\"%d\": part%d, ", i, i)
	}
	body.WriteString("}[os.Args[1]](context.Background(), client)\n\t}\n")
	body.WriteString("\tif err != nil {\n\t\tfmt.Fprintln(os.Stderr, err)\n\t\tos.Exit(1)\n\t}\n}\n")

	imports := "import (\n\t\"github.com/mishikallm/mishikallm/bindings/go\"\n"
	for _, path := range packages {
		name := path[strings.LastIndex(path, "/")+1:]
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(body.String()) {
			imports += fmt.Sprintf("\t%q\n", path)
		}
	}
	return "package main\n\n" + imports + ")\n\n" + body.String()
}

// compare runs one part, and holds it to its own words.
func compare(folder string, i int, one block) error {
	command := exec.Command("parts/parts", fmt.Sprint(i))
	command.Dir, command.Stderr = folder, os.Stderr
	said, err := command.Output()
	if err != nil {
		return fmt.Errorf("line %d: %w", one.line, err)
	}
	_, wanted, promised := strings.Cut(one.text, "// Output:")
	if !promised {
		return nil
	}
	var lines []string
	for _, line := range strings.Split(wanted, "\n") {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "//")); line != "" {
			lines = append(lines, line)
		}
	}
	if got := strings.Split(strings.TrimSpace(string(said)), "\n"); !slices.Equal(got, lines) {
		return fmt.Errorf("line %d: it prints %q, not %q", one.line, got, lines)
	}
	return nil
}

func write(folder, text string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "main.go"), []byte(text), 0o644)
}

func execute(folder string, line int, command ...string) error {
	running := exec.Command(command[0], command[1:]...)
	running.Dir, running.Stdout, running.Stderr = folder, os.Stdout, os.Stderr
	if err := running.Run(); err != nil {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return nil
}
