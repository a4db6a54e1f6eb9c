package tracker_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sourceloop/pipeline/collect/tracker"
	"sourceloop/pipeline/collect/tracker/bundle"
)

// What a page has to load before its first hit, and what may come later, in bytes after gzip.
const (
	coreLimit  = 1400
	chunkLimit = 600
)

func TestSizes(t *testing.T) {
	core, err := tracker.Core()
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := tracker.Chunks()
	if err != nil {
		t.Fatal(err)
	}
	for _, asset := range append(chunks, core) {
		limit := chunkLimit
		if asset.Name == "core" {
			limit = coreLimit
		}
		t.Logf("%-9s %5d bytes, %4d after gzip, limit %d", asset.Name, len(asset.Body), len(asset.Gzip), limit)
		if len(asset.Gzip) > limit {
			t.Errorf("%s has %d bytes after gzip, more than %d", asset.Name, len(asset.Gzip), limit)
		}
	}
}

func TestDistIsBuiltFromTheSources(t *testing.T) {
	built, err := bundle.Build("src")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("dist")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(built) {
		t.Errorf("dist holds %d files, the sources make %d", len(files), len(built))
	}
	for name, want := range built {
		got, err := os.ReadFile(filepath.Join("dist", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("dist/%s is not what the sources make: run make generate (%v)", name, err)
		}
	}
}

func TestBuildTellsWhereASourceIsWrong(t *testing.T) {
	broken := t.TempDir()
	for name := range mustBuild(t) {
		source := filepath.Join(broken, strings.TrimSuffix(name, ".js")+".ts")
		if err := os.WriteFile(source, []byte("export default (;"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bundle.Build(broken); err == nil || !strings.Contains(err.Error(), ".ts:1:") {
		t.Errorf("the error does not name the line: %v", err)
	}
}

func mustBuild(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := bundle.Build("src")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEveryChunkIsKnownByItsHash(t *testing.T) {
	core, err := tracker.Core()
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := tracker.Chunks()
	if err != nil {
		t.Fatal(err)
	}
	sources := string(core.Body)
	for _, chunk := range chunks {
		sources += string(chunk.Body)
	}
	for _, chunk := range chunks {
		if !strings.Contains(sources, `"`+chunk.Hash+`"`) {
			t.Errorf("nothing loads %s by its hash %s", chunk.Name, chunk.Hash)
		}
	}
}

func TestNoEvalNoInlineScript(t *testing.T) {
	for name, body := range mustBuild(t) {
		for _, forbidden := range []string{"eval(", "Function(", "innerHTML", "createElement"} {
			if strings.Contains(string(body), forbidden) {
				t.Errorf("%s contains %s, which a strict content security policy refuses", name, forbidden)
			}
		}
	}
}

func TestSnippet(t *testing.T) {
	got := tracker.Snippet("https://loop.example/", `k"<1>`)
	want := `<script defer src="https://loop.example/sl.js" data-key="k&#34;&lt;1&gt;"></script>`
	if !strings.HasSuffix(got, "\n"+want) || !strings.HasPrefix(got, "<script>window.sourceloop=window.sourceloop||") {
		t.Errorf("snippet:\n%s\nmust be the stub and\n%s", got, want)
	}
}
