package tracker

import (
	"bytes"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// A new version of the tracker reaches every page within five minutes.
	freshFor = "public, max-age=300"
	// What has its hash in its address never changes.
	forEver = "public, max-age=31536000, immutable"
)

// handler serves the core under any name without a hash, and every asset under its hash.
type handler struct {
	core   Asset
	byHash map[string]Asset
	hashed *regexp.Regexp
}

// Handler serves GET and HEAD of the tracker: /sl.js, and /sl.<hash>.js for pinned cores and for chunks. It looks at
// the last element of the path only, and at its hash, so that the files can be mounted in any folder and under any
// name. Every page of the web may load them. A hash of another version is answered 404.
func Handler() (http.Handler, error) {
	core, err := Core()
	if err != nil {
		return nil, err
	}
	chunks, err := Chunks()
	if err != nil {
		return nil, err
	}
	h := &handler{core: core, byHash: map[string]Asset{core.Hash: core}, hashed: regexp.MustCompile(`\.([0-9a-f]{8})\.js$`)}
	for _, chunk := range chunks {
		h.byHash[chunk.Hash] = chunk
	}
	return h, nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The tracker can only be read: use GET.", http.StatusMethodNotAllowed)
		return
	}
	asset, caching, found := h.find(path.Base(r.URL.Path))
	if !found {
		header.Set("Cache-Control", "no-store")
		http.Error(w, "This version of the tracker is not served here (any more). Load /sl.js, which is always the newest.", http.StatusNotFound)
		return
	}
	header.Set("Cache-Control", caching)
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	serve(w, r, asset)
}

func (h *handler) find(name string) (asset Asset, caching string, found bool) {
	hash := h.hashed.FindStringSubmatch(name)
	if hash == nil {
		return h.core, freshFor, strings.HasSuffix(name, ".js")
	}
	asset, found = h.byHash[hash[1]]
	return asset, forEver, found
}

func serve(w http.ResponseWriter, r *http.Request, asset Asset) {
	header := w.Header()
	body, tag := asset.Body, asset.Hash
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, tag = asset.Gzip, asset.Hash+"-gzip"
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("Vary", "Accept-Encoding")
	header.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3). A weight of zero is a refusal.
func acceptsGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, isWeight := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !isWeight || (err == nil && value > 0)
	}
	return false
}
