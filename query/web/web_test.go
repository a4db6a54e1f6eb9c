package web

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var script = strings.Repeat("console.log('sourceloop');\n", 100)

func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":               {Data: []byte("placeholder")},
		"app/index.html":           {Data: []byte("<!doctype html><title>built</title>")},
		"app/icon.svg":             {Data: []byte("<svg/>")},
		"app/assets/main-abc12.js": {Data: []byte(script)},
	}
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	h, err := newHandler(built())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		status       int
		kind, cache  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/contacts", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/contacts/6ba2b18c-0c3e-8f4e-9c27-2f0f5c1c7a10", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/setup/chat?x=a.b", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/../../etc/hosts", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/icon.svg", 200, "image/svg+xml", "no-cache"},
		{"GET", "/assets/main-abc12.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"HEAD", "/assets/main-abc12.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", "/assets/main-old99.js", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/app/index.html", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/api/v1/nothing", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/sl/hits", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/hooks/intercom", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/connect/nobody/start", 404, "text/plain; charset=utf-8", ""},
		{"POST", "/contacts", 405, "text/plain; charset=utf-8", ""},
	} {
		r := get(t, h, c.method, c.path)
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s %s: %d, %q, %q", c.method, c.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
		}
		policy := r.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s %s: policy %q", c.method, c.path, policy)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") == "" {
			t.Errorf("%s %s: headers %v", c.method, c.path, r.Header)
		}
	}
}

func TestCompressedAndUnchanged(t *testing.T) {
	h, err := newHandler(built())
	if err != nil {
		t.Fatal(err)
	}
	r := get(t, h, "GET", "/assets/main-abc12.js", "Accept-Encoding", "br, gzip")
	if r.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v", r.Header)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, z); got != script {
		t.Errorf("%d bytes instead of %d", len(got), len(script))
	}
	again := get(t, h, "GET", "/assets/main-abc12.js", "Accept-Encoding", "gzip", "If-None-Match", r.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	plain := get(t, h, "GET", "/assets/main-abc12.js")
	if plain.Header.Get("ETag") == r.Header.Get("ETag") || body(t, plain.Body) != script {
		t.Error("the plain file is not told apart from the compressed one")
	}
}

func TestPlaceholder(t *testing.T) {
	h, err := newHandler(fstest.MapFS{"index.html": {Data: []byte("placeholder")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, get(t, h, "GET", "/contacts").Body); got != "placeholder" {
		t.Errorf("got %q", got)
	}
	if _, err := newHandler(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without any page: %v", err)
	}
}

func TestEmbedded(t *testing.T) {
	h, err := Handler()
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, get(t, h, "GET", "/").Body); !strings.Contains(got, "SourceLoop") {
		t.Errorf("the embedded page is %q", got)
	}
}
