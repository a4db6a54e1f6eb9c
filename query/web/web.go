// Package web is the dashboard: a single-page application that is built by
// Vite into dist/app and embedded into the binary.
//
// dist/index.html is a placeholder that is committed, so that the Go code
// builds without Node; it is what a binary without the assets shows. Nothing
// here knows the API: the application asks /api/v1 as any other program does.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

// policy allows the application's own files and nothing else: no inline
// script or style, no foreign host, no frame around it.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'"

// Handler serves the dashboard on every path that is left to it: files by
// their name, anything that looks like a page by the application, which reads
// the path itself. It fails only when the binary was built wrongly.
func Handler() (http.Handler, error) {
	root, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("cannot open the dashboard's files: %w", err)
	}
	return newHandler(root)
}

// file is one file ready to be sent.
type file struct {
	contentType string
	etag        string
	plain       []byte
	gzip        []byte // nil where compressing does not pay
	immutable   bool
}

type handler struct {
	files map[string]*file // by path below the root, without a leading slash
	page  *file
}

// newHandler reads the built application of a tree, or its placeholder.
func newHandler(root fs.FS) (*handler, error) {
	if _, err := fs.Stat(root, "app/index.html"); err == nil {
		if root, err = fs.Sub(root, "app"); err != nil {
			return nil, fmt.Errorf("cannot open the built dashboard: %w", err)
		}
	}
	h := &handler{files: map[string]*file{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		h.files[name], err = newFile(name, body)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the dashboard's files: %w", err)
	}
	if h.page = h.files["index.html"]; h.page == nil {
		return nil, fmt.Errorf("cannot find the dashboard's index.html: %w", fs.ErrNotExist)
	}
	return h, nil
}

func newFile(name string, body []byte) (*file, error) {
	sum := sha256.Sum256(body)
	f := &file{
		contentType: contentType(name),
		etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
		plain:       body,
		immutable:   strings.HasPrefix(name, "assets/"), // names with a hash of the content
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("cannot compress %s: %w", name, err)
	}
	if _, err := w.Write(body); err != nil {
		return nil, fmt.Errorf("cannot compress %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("cannot compress %s: %w", name, err)
	}
	if packed.Len() < len(body)*9/10 {
		f.gzip = packed.Bytes()
	}
	return f, nil
}

// contentType does not trust the machine's own table for what matters.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// ServeHTTP answers GET and HEAD.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "This address can only be read.", http.StatusMethodNotAllowed)
		return
	}
	f := h.find(r.URL.Path)
	if f == nil {
		http.Error(w, "There is nothing to read here. If a page of the dashboard asked for it, reload that page: the dashboard may be newer than what your browser holds.", http.StatusNotFound)
		return
	}
	f.send(w, r)
}

// find gives the file of a path, the application's page for a path that names
// no file, or nil for a file that does not exist: an old page must not get
// HTML where it asks for a script, nor a program where it asks the collector.
func (h *handler) find(urlPath string) *file {
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if f := h.files[name]; f != nil {
		return f
	}
	first, _, nested := strings.Cut(name, "/")
	switch {
	case path.Ext(name) != "", nested && (first == "assets" || first == "api" || first == "sl" || first == "hooks" || first == "connect"):
		return nil
	}
	return h.page
}

func (f *file) send(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", f.contentType)
	head.Set("Cache-Control", "no-cache")
	if f.immutable {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := f.plain
	etag := f.etag
	if f.gzip != nil {
		head.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			head.Set("Content-Encoding", "gzip")
			body, etag = f.gzip, strings.TrimSuffix(f.etag, `"`)+`-gzip"`
		}
	}
	head.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
