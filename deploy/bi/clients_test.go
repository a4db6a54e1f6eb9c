package bi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The clients that BI tools and scripts are built on are there as "make bi" fetched them. REQUIRE names those whose absence
// is a failure.

func (o *office) nodeReads(t *testing.T) {
	t.Helper()
	cache := client(t, "node-client", "node", "node_modules")
	// Node looks for packages beside the file it runs.
	script := filepath.Join(cache, "read.mjs")
	text, err := os.ReadFile("clients/node/read.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o.read(t, "node", script)
}

func (o *office) pythonReads(t *testing.T) {
	t.Helper()
	cache := client(t, "python-client", "python", "bin/python")
	o.read(t, filepath.Join(cache, "bin", "python"), "clients/python/read.py")
}

func (o *office) jdbcReads(t *testing.T) {
	t.Helper()
	cache := client(t, "jdbc-client", "java", "jars")
	o.read(t, "java", "-Xmx512m", "-cp", filepath.Join(cache, "jars", "*"), "clients/java/Read.java")
}

// client is the folder of a fetched client.
func client(t *testing.T, name, folder, file string) string {
	t.Helper()
	cache, err := filepath.Abs(filepath.Join("..", "..", ".cache", "bi", folder))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(cache, file)); err != nil {
		if strings.Contains(os.Getenv("REQUIRE"), name) {
			t.Fatal(err)
		}
		t.Skipf("not tested, because the %s is not there; make bi fetches it: %v", name, err)
	}
	return cache
}

// read runs a client as ann and checks what it saw.
func (o *office) read(t *testing.T, program string, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append(arguments, o.engine.HTTPAddr(), "ann", password("ann"), views)...)
	var said strings.Builder
	cmd.Stderr = &said
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	checkSeen(t, output)
}
