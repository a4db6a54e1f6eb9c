package tracker

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

var (
	//go:embed dist/ads.js
	adsSource string
	//go:embed dist/core.js
	coreSource string
	//go:embed dist/chat.js
	chatSource string
	//go:embed dist/debug.js
	debugSource string
	//go:embed dist/google.js
	googleSource string
	//go:embed dist/hubspot.js
	hubspotSource string
	//go:embed dist/leftovers.js
	leftoversSource string
	//go:embed dist/links.js
	linksSource string
	//go:embed dist/more.js
	moreSource string
	//go:embed dist/setup.js
	setupSource string
	//go:embed dist/snapshot.js
	snapshotSource string
)

// Asset is one file that browsers load. It never changes: another content is another asset with another hash.
type Asset struct {
	// Name is what the file is called in the sources: core, chat, debug and so on.
	Name string
	// Hash is the version in the file's address, /sl.<hash>.js.
	Hash string
	// SRI is the value of an integrity attribute: sha384-….
	SRI string
	// Body is the JavaScript, Gzip the same compressed. Neither may be written to.
	Body, Gzip []byte
}

// Core returns the script that sites load as /sl.js.
func Core() (Asset, error) { return newAsset("core", coreSource) }

// Chunks returns the parts that the core loads when needed.
func Chunks() ([]Asset, error) {
	sources := []struct{ name, source string }{
		{"ads", adsSource},
		{"chat", chatSource},
		{"debug", debugSource},
		{"google", googleSource},
		{"hubspot", hubspotSource},
		{"leftovers", leftoversSource},
		{"links", linksSource},
		{"more", moreSource},
		{"setup", setupSource},
		{"snapshot", snapshotSource},
	}
	chunks := make([]Asset, 0, len(sources))
	for _, s := range sources {
		chunk, err := newAsset(s.name, s.source)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, chunk)
	}
	return chunks, nil
}

func newAsset(name, source string) (Asset, error) {
	body := []byte(source)
	compressed, err := compress(body)
	if err != nil {
		return Asset{}, fmt.Errorf("cannot compress the tracker's %s: %w", name, err)
	}
	sum := sha512.Sum384(body)
	return Asset{
		Name: name,
		Hash: Hash(body),
		SRI:  "sha384-" + base64.StdEncoding.EncodeToString(sum[:]),
		Body: body,
		Gzip: compressed,
	}, nil
}

// Hash names a version of a file in its address: the first 32 bits of its SHA-256, as 8 hex digits.
func Hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:4])
}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
