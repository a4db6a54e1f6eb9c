package embedded

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// smallestLibrary is the size in bytes below which a fetched file can't be the library (it has some 550 MB).
const smallestLibrary = 100 << 20

// FetchLibrary makes npm fetch libchdb of this platform into cacheDir, and gives its path. What is there already is not
// fetched again. The file appears under its final name only when it was verified, so an interrupted fetch leaves
// nothing half done; fetches of several processes wait for each other. Progress is written as lines for a person.
func FetchLibrary(ctx context.Context, cacheDir string, progress io.Writer) (path string, err error) {
	cacheDir, err = filepath.Abs(cacheDir)
	if err != nil {
		return "", fmt.Errorf("cannot fetch the ClickHouse library: %w", err)
	}
	if err := makeCache(cacheDir); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(cacheDir, "lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("cannot fetch the ClickHouse library: cannot lock %s: %w", cacheDir, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	target := LibraryIn(cacheDir)
	if isFile(target) {
		fmt.Fprintf(progress, "The ClickHouse library is here: %s\n", target)
		return target, nil
	}
	if err := fetch(ctx, cacheDir, target, progress); err != nil {
		return "", err
	}
	fmt.Fprintf(progress, "The ClickHouse library was fetched and verified: %s\n", target)
	return target, nil
}

// makeCache creates the folder and keeps its half gigabyte out of every commit.
func makeCache(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cannot create the cache folder of the ClickHouse library: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644); err != nil {
		return fmt.Errorf("cannot write to the cache folder of the ClickHouse library: %w", err)
	}
	return nil
}

func fetch(ctx context.Context, cacheDir, target string, progress io.Writer) error {
	p, err := thisPlatform()
	if err != nil {
		return fmt.Errorf("cannot fetch the ClickHouse library: %w", err)
	}
	work, err := os.MkdirTemp(cacheDir, "fetch-")
	if err != nil {
		return fmt.Errorf("cannot fetch the ClickHouse library: %w", err)
	}
	defer os.RemoveAll(work)

	fmt.Fprintf(progress, "Fetching %s@%s with npm: about 180 MB, 550 MB on disk.\n", p.npm, LibraryVersion)
	if err := npmInstall(ctx, work, p.npm+"@"+LibraryVersion, progress); err != nil {
		return err
	}
	fetched := filepath.Join(work, "node_modules", filepath.FromSlash(p.npm), libraryFile)
	if err := verifyLibrary(fetched, p); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("cannot store the ClickHouse library: %w", err)
	}
	if err := os.Rename(fetched, target); err != nil {
		return fmt.Errorf("cannot store the ClickHouse library: %w", err)
	}
	return nil
}

// npmInstall lets npm resolve, download and check the package; where from is npm's own configuration.
func npmInstall(ctx context.Context, dir, name string, progress io.Writer) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("cannot fetch the ClickHouse library: there is no npm on the PATH; install Node.js, "+
			"or set %s to a libchdb that you have, or SOURCELOOP_CLICKHOUSE to a running server: %w", LibraryVariable, err)
	}
	cmd := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-save", "--no-package-lock",
		"--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", name)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_UPDATE_NOTIFIER=1")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output

	stop := tick(progress, 5*time.Second)
	err = cmd.Run()
	stop()
	if err != nil {
		return npmError(name, output.String(), errors.Join(err, ctx.Err()))
	}
	return nil
}

// tick tells every period that work goes on, until stop is called.
func tick(progress io.Writer, period time.Duration) (stop func()) {
	quit, gone := make(chan struct{}), make(chan struct{})
	started := time.Now()
	go func() {
		defer close(gone)
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				fmt.Fprintf(progress, "… still fetching, %d s.\n", int(time.Since(started).Seconds()))
			}
		}
	}()
	return func() { close(quit); <-gone }
}

// npmError puts what npm said into words that tell what to do.
func npmError(name, output string, err error) error {
	advice := "see npm's words above"
	switch {
	case containsAny(output, "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "network"):
		advice = "the npm registry can't be reached: check the network (or npm's registry and proxy settings) and run it again"
	case containsAny(output, "E404", "ETARGET"):
		advice = "the npm registry in use does not have this package: choose a registry that mirrors it whole, or set " + LibraryVariable + " to a libchdb that you have"
	case containsAny(output, "ENOSPC"):
		advice = "the disk is full: about 1 GB is needed while fetching"
	}
	return fmt.Errorf("cannot fetch the ClickHouse library %s: %s: %w\n%s", name, advice, err, strings.TrimSpace(output))
}

func containsAny(s string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(s, word) {
			return true
		}
	}
	return false
}

// verifyLibrary compares the file with the checksum known for the platform. npm has compared the package with the
// registry's own checksum before; this one does not trust the registry.
func verifyLibrary(path string, p platform) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot verify the ClickHouse library: the package %s holds no %s: %w", p.npm, libraryFile, err)
	}
	defer f.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return fmt.Errorf("cannot verify the ClickHouse library: %w", err)
	}
	if size < smallestLibrary {
		return fmt.Errorf("cannot use the fetched ClickHouse library: it has %d bytes only; run the fetch again", size)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); p.sha != "" && sum != p.sha {
		return fmt.Errorf("cannot use the fetched ClickHouse library: its SHA-256 is %s, expected %s; it is not the file this program was tested with", sum, p.sha)
	}
	return nil
}
