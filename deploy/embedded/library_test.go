package embedded

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestServerMajor(t *testing.T) {
	tests := []struct {
		output string
		want   int
	}{
		{"ClickHouse server version 26.8.1.1 (official build).\n", 26},
		{"ClickHouse server version 18.16.1.\n", 18},
		{"ClickHouse local version 25.3.2.39.\n", 25},
		{"", 0},
		{"version", 0},
		{"version 99999999999999999999.1", 0},
		{"no such command", 0},
	}
	for _, tt := range tests {
		if got := serverMajor(tt.output); got != tt.want {
			t.Errorf("serverMajor(%q) = %d, want %d", tt.output, got, tt.want)
		}
	}
}

func FuzzServerMajor(f *testing.F) {
	f.Add("ClickHouse server version 26.8.1.1 (official build).\n")
	f.Fuzz(func(t *testing.T, output string) {
		if major := serverMajor(output); major < 0 || major > 0 && !strings.Contains(output, "version ") {
			t.Errorf("serverMajor(%q) = %d", output, major)
		}
	})
}

// fakeServer puts a program named clickhouse, alone, on the PATH.
func fakeServer(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "clickhouse")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+"/bin:/usr/bin")
	return path
}

func TestFindEngineOrder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv(LibraryVariable, "")
	t.Setenv("PATH", t.TempDir())

	_, err := FindEngine()
	if !errors.Is(err, ErrNoEngine) {
		t.Fatalf("with nothing on the machine: %v, want ErrNoEngine", err)
	}
	for _, words := range []string{FetchCommand, LibraryVariable, "SOURCELOOP_CLICKHOUSE"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}

	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cached := LibraryIn(filepath.Join(user, "sourceloop", "chdb"))
	touch(t, cached)
	wantEngine(t, Engine{Library: cached})

	named := filepath.Join(t.TempDir(), "libchdb.so")
	t.Setenv(LibraryVariable, named)
	if _, err := FindEngine(); !errors.Is(err, ErrNoEngine) || !strings.Contains(err.Error(), named) {
		t.Errorf("with %s naming no file: %v, want an error that names it", LibraryVariable, err)
	}
	touch(t, named)
	wantEngine(t, Engine{Library: named})

	old := fakeServer(t, "echo 'ClickHouse server version 18.16.1.'")
	wantEngine(t, Engine{Library: named})
	recent := fakeServer(t, "echo 'ClickHouse server version 26.8.1.1 (official build).'")
	wantEngine(t, Engine{Server: recent})
	if old == recent {
		t.Error("both servers have one path")
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantEngine(t *testing.T, want Engine) {
	t.Helper()
	if got, err := FindEngine(); err != nil || got != want {
		t.Errorf("FindEngine() = %v, %v; want %v", got, err, want)
	}
}

func TestFetchLibraryKeepsWhatIsThere(t *testing.T) {
	cache := t.TempDir()
	touch(t, LibraryIn(cache))
	t.Setenv("PATH", t.TempDir()) // No npm: it must not be needed.
	var progress bytes.Buffer
	path, err := FetchLibrary(t.Context(), cache, &progress)
	if err != nil || path != LibraryIn(cache) {
		t.Errorf("FetchLibrary = %q, %v; want %q", path, err, LibraryIn(cache))
	}
	ignored, err := os.ReadFile(filepath.Join(cache, ".gitignore"))
	if err != nil || string(ignored) != "*\n" {
		t.Errorf("the cache is not kept out of commits: %q, %v", ignored, err)
	}
}

func TestFetchLibrarySaysWhatToDo(t *testing.T) {
	if _, err := thisPlatform(); err != nil {
		t.Skip(err)
	}
	t.Run("without npm", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		wantFetchError(t, "install Node.js", LibraryVariable)
	})
	t.Run("offline", func(t *testing.T) {
		if _, err := exec.LookPath("npm"); err != nil {
			t.Skip("not tested, because there is no npm")
		}
		t.Setenv("npm_config_registry", "http://127.0.0.1:1/")
		t.Setenv("npm_config_fetch_retries", "0")
		t.Setenv("npm_config_cache", t.TempDir())
		wantFetchError(t, "can't be reached", "network")
	})
}

// wantFetchError also wants nothing left behind of what was not fetched.
func wantFetchError(t *testing.T, want ...string) {
	t.Helper()
	cache := t.TempDir()
	var progress bytes.Buffer
	_, err := FetchLibrary(t.Context(), cache, &progress)
	if err == nil {
		t.Fatal("it was fetched")
	}
	for _, words := range want {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}
	entries, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			t.Errorf("%s was left behind", entry.Name())
		}
	}
}

func TestVerifyLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), libraryFile)
	if err := verifyLibrary(path, platform{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	touch(t, path)
	if err := verifyLibrary(path, platform{}); err == nil || !strings.Contains(err.Error(), "0 bytes") {
		t.Errorf("an empty file: %v", err)
	}
	if err := os.Truncate(path, smallestLibrary); err != nil { // A sparse file.
		t.Fatal(err)
	}
	if err := verifyLibrary(path, platform{sha: "00"}); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("another file: %v", err)
	}
	if err := verifyLibrary(path, platform{}); err != nil {
		t.Errorf("a file whose checksum nobody knows: %v", err)
	}
}

func TestNpmErrorAdvice(t *testing.T) {
	tests := []struct{ output, want string }{
		{"npm error code ENOTFOUND", "check the network"},
		{"npm error code E404", "mirrors it whole"},
		{"npm error code ENOSPC", "disk is full"},
		{"something new", "something new"},
	}
	for _, tt := range tests {
		if err := npmError("p", tt.output, errors.New("exit status 1")); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("for %q: %q does not say %q", tt.output, err, tt.want)
		}
	}
}
