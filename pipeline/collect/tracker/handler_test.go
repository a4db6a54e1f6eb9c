package tracker_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sourceloop/pipeline/collect/tracker"
)

func TestHandler(t *testing.T) {
	handler, err := tracker.Handler()
	if err != nil {
		t.Fatal(err)
	}
	core, err := tracker.Core()
	if err != nil {
		t.Fatal(err)
	}
	const (
		short   = "public, max-age=300"
		forEver = "public, max-age=31536000, immutable"
	)
	tests := []struct {
		name, method, path, accept, ifNoneMatch string
		status                                  int
		caching, encoding                       string
	}{
		{"newest", "GET", "/sl.js", "", "", 200, short, ""},
		{"newest, compressed", "GET", "/sl.js", "br, gzip;q=0.8", "", 200, short, "gzip"},
		{"gzip refused", "GET", "/sl.js", "gzip;q=0", "", 200, short, ""},
		{"gzip refused by a bad weight", "GET", "/sl.js", "gzip;q=x", "", 200, short, ""},
		{"another coding", "GET", "/sl.js", "xgzip", "", 200, short, ""},
		{"renamed by the operator", "GET", "/assets/loop.js", "gzip", "", 200, short, "gzip"},
		{"pinned", "GET", "/sl." + core.Hash + ".js", "gzip", "", 200, forEver, "gzip"},
		{"pinned and renamed", "GET", "/assets/loop." + core.Hash + ".js", "", "", 200, forEver, ""},
		{"not changed", "GET", "/sl.js", "", `"` + core.Hash + `"`, 304, short, ""},
		{"not changed, compressed", "GET", "/sl.js", "gzip", `"` + core.Hash + `-gzip"`, 304, short, ""},
		{"only the head", "HEAD", "/sl.js", "", "", 200, short, ""},
		{"another version", "GET", "/sl.00000000.js", "", "", 404, "no-store", ""},
		{"no script", "GET", "/sl.css", "", "", 404, "no-store", ""},
		{"written to", "POST", "/sl.js", "", "", 405, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest(test.method, test.path, nil)
			request.Header.Set("Accept-Encoding", test.accept)
			request.Header.Set("If-None-Match", test.ifNoneMatch)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			answer := recorder.Result()
			if answer.StatusCode != test.status {
				t.Fatalf("status %d, want %d", answer.StatusCode, test.status)
			}
			for name, want := range map[string]string{
				"Cache-Control":               test.caching,
				"Content-Encoding":            test.encoding,
				"Access-Control-Allow-Origin": "*",
				"X-Content-Type-Options":      "nosniff",
			} {
				if got := answer.Header.Get(name); got != want && (test.status != 304 || name != "Content-Encoding") {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if test.status == http.StatusOK && test.method == http.MethodGet && !bytes.Equal(content(t, answer), core.Body) {
				t.Error("the body is not the core")
			}
		})
	}
}

func TestHandlerServesEveryChunk(t *testing.T) {
	handler, err := tracker.Handler()
	if err != nil {
		t.Fatal(err)
	}
	chunks, err := tracker.Chunks()
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range chunks {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/sl."+chunk.Hash+".js", nil))
		answer := recorder.Result()
		if kind := answer.Header.Get("Content-Type"); kind != "text/javascript; charset=utf-8" {
			t.Errorf("%s: Content-Type %q, which browsers refuse for a module", chunk.Name, kind)
		}
		if !bytes.Equal(content(t, answer), chunk.Body) {
			t.Errorf("%s: another body", chunk.Name)
		}
		if !strings.HasPrefix(chunk.SRI, "sha384-") {
			t.Errorf("%s: SRI %q", chunk.Name, chunk.SRI)
		}
	}
}

func content(t *testing.T, answer *http.Response) []byte {
	t.Helper()
	var body io.Reader = answer.Body
	if answer.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = unzipped
	}
	read, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return read
}
