// Makes of this module what a Go module proxy serves for a version of it.
//
//	go run ./internal/pack v0.1.0 FOLDER      in the module's folder
package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const module = "github.com/mishikallm/mishikallm/bindings/go"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/pack VERSION FOLDER")
		os.Exit(2)
	}
	path, err := pack(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// pack writes the four files of a version, and returns the path of the zip.
func pack(version, folder string) (string, error) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(string(mod), "module "+module+"\n") {
		return "", fmt.Errorf("go.mod here is not that of %s", module)
	}
	zipped, err := archive(version)
	if err != nil {
		return "", err
	}
	// A time that never changes: the same sources are the same package.
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Unix(0, 0).UTC()})
	if err != nil {
		return "", err
	}
	served := filepath.Join(folder, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(served, 0o755); err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": info, version + ".mod": mod, version + ".zip": zipped,
	} {
		if err := os.WriteFile(filepath.Join(served, name), content, 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(served, version+".zip"), nil
}

// archive zips this folder as Go wants it: each file under MODULE@VERSION/.
func archive(version string) ([]byte, error) {
	var made bytes.Buffer
	writer := zip.NewWriter(&made)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s: a module holds plain files only", path)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := writer.Create(module + "@" + version + "/" + filepath.ToSlash(path))
		if err != nil {
			return err
		}
		_, err = file.Write(content)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return made.Bytes(), nil
}
