// Command build compiles the tracker's TypeScript into pipeline/collect/tracker/dist, from where it is embedded. Run
// it from the root of the module: go run ./pipeline/collect/tracker/build
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sourceloop/pipeline/collect/tracker/bundle"
)

const home = "pipeline/collect/tracker"

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate() error {
	files, err := bundle.Build(home + "/src")
	if err != nil {
		return err
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(home, "dist", name), body, 0o644); err != nil {
			return fmt.Errorf("cannot write the tracker's %s: %w", name, err)
		}
	}
	return nil
}
