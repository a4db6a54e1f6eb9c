// Package bundle turns the TypeScript of the tracker into the files that browsers load. It is the only importer of
// esbuild: the generator and the staleness test use it, the collector embeds its results.
package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"sourceloop/pipeline/collect/tracker"
)

// parts lists the source files in the order of building: a part knows those before it by their hashes, under the
// part's name in capitals, and loads them when needed. The core comes last.
func parts() []string {
	return []string{"ads", "chat", "hubspot", "debug", "google", "links", "leftovers", "snapshot", "setup", "more", "core"}
}

// Build compiles the sources in the folder src and returns the files by name, core.js and so on. The same sources and
// the same esbuild give the same bytes.
func Build(src string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	hashes := make(map[string]string)
	for _, part := range parts() {
		body, err := compile(filepath.Join(src, part+".ts"), format(part), hashes)
		if err != nil {
			return nil, err
		}
		files[part+".js"] = body
		hashes[strings.ToUpper(part)] = strconv.Quote(tracker.Hash(body))
	}
	return files, nil
}

// format is that of a plain script for the core, which any tag can load, and of a module for what it imports.
func format(part string) api.Format {
	if part == "core" {
		return api.FormatIIFE
	}
	return api.FormatESModule
}

func compile(entry string, format api.Format, define map[string]string) ([]byte, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{entry},
		Bundle:      true,
		Format:      format,
		Target:      api.ES2018,
		// Syntax newer than ES2018, but known to the same browsers.
		Supported:         map[string]bool{"dynamic-import": true, "import-meta": true},
		Define:            define,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LegalComments:     api.LegalCommentsNone,
		Charset:           api.CharsetUTF8,
		TsconfigRaw:       "{}",
		LogLevel:          api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		lines := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return nil, fmt.Errorf("cannot compile %s: %w", entry, errors.New(strings.Join(lines, "")))
	}
	if len(result.OutputFiles) != 1 {
		return nil, fmt.Errorf("cannot compile %s: it gave %d files instead of one", entry, len(result.OutputFiles))
	}
	return bytes.TrimSpace(result.OutputFiles[0].Contents), nil
}
