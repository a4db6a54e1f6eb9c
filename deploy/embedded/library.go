package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
)

// LibraryVersion is the version of the npm packages that hold libchdb. It contains ClickHouse 26.7.2.
const LibraryVersion = "26.7.3-stable.1"

// LibraryVariable is the environment variable that names a libchdb to use instead of the fetched one.
const LibraryVariable = "SOURCELOOP_LIBCHDB"

// FetchCommand is what a person types, in the repository, to fetch the library that the program never downloads itself.
const FetchCommand = "go run ./deploy/embedded/fetchchdb"

const libraryFile = "libchdb.so"

// oldestServer is the first major version of a clickhouse binary on the PATH that understands our SQL. Distributions
// still ship releases from 2018.
const oldestServer = 26

// ErrNoEngine says that no ClickHouse was found on this machine. Errors that wrap it tell what to do.
var ErrNoEngine = errors.New("no ClickHouse found")

// Engine is a ClickHouse found on this machine: exactly one of the two is set.
type Engine struct {
	Server  string // Path of a clickhouse binary, run as "clickhouse server".
	Library string // Path of libchdb, loaded by a child process of our own binary.
}

// String names the engine for logs.
func (e Engine) String() string {
	if e.Server != "" {
		return "clickhouse server " + e.Server
	}
	return "library " + e.Library
}

// FindEngine looks for ClickHouse, in this order: a recent enough clickhouse binary on the PATH, the library that
// SOURCELOOP_LIBCHDB names, the library beside the executable or in one of the cache folders (LibraryPlaces). It
// downloads nothing; without an engine its error wraps ErrNoEngine and says which command to run.
func FindEngine() (Engine, error) {
	if path, ok := findServer(); ok {
		return Engine{Server: path}, nil
	}
	library, err := FindLibrary()
	if err != nil {
		return Engine{}, err
	}
	return Engine{Library: library}, nil
}

func findServer() (path string, ok bool) {
	path, err := exec.LookPath("clickhouse")
	if err != nil {
		return "", false
	}
	out, err := exec.Command(path, "server", "--version").Output()
	if err != nil {
		return "", false
	}
	return path, serverMajor(string(out)) >= oldestServer
}

var serverVersion = regexp.MustCompile(`version (\d+)\.`)

// serverMajor reads the major version from what "clickhouse server --version" prints, 0 when it is not there.
func serverMajor(output string) int {
	match := serverVersion.FindStringSubmatch(output)
	if match == nil {
		return 0
	}
	major, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return major
}

// FindLibrary is the part of FindEngine that looks for libchdb. A SOURCELOOP_LIBCHDB that names no file is an error, not
// a reason to look elsewhere: somebody meant that file.
func FindLibrary() (string, error) {
	if named := os.Getenv(LibraryVariable); named != "" {
		if !isFile(named) {
			return "", fmt.Errorf("%w: %s names %s, which is no file; correct it or unset it", ErrNoEngine, LibraryVariable, named)
		}
		return filepath.Abs(named)
	}
	places := LibraryPlaces()
	for _, place := range places {
		if isFile(place) {
			return place, nil
		}
	}
	return "", fmt.Errorf("%w: neither a clickhouse binary (version %d or newer) on the PATH nor %s %s in %q; "+
		"to fetch the library, run in the repository: %s; or give the address of a running server in SOURCELOOP_CLICKHOUSE, or the path of a library in %s",
		ErrNoEngine, oldestServer, libraryFile, LibraryVersion, places, FetchCommand, LibraryVariable)
}

// LibraryPlaces lists where FindLibrary looks when SOURCELOOP_LIBCHDB is not set, the first choice first: beside the
// executable, in the cache of the repository whose bin folder holds the executable, in the user's cache folder.
func LibraryPlaces() []string {
	var places []string
	if exe, err := os.Executable(); err == nil {
		dir := filepath.Dir(exe)
		places = append(places, filepath.Join(dir, libraryFile), LibraryIn(filepath.Join(filepath.Dir(dir), ".cache", "chdb")))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, LibraryIn(filepath.Join(cache, "sourceloop", "chdb")))
	}
	return places
}

// LibraryIn is the path that the library has in a cache folder that FetchLibrary filled.
func LibraryIn(cacheDir string) string {
	return filepath.Join(cacheDir, LibraryVersion, libraryFile)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// platform is what differs between the npm packages of the library.
type platform struct {
	npm string // The npm package.
	sha string // SHA-256 of the library in it, in hexadecimal; empty where nobody has computed it yet.
}

// thisPlatform knows the packages that the npm package chdb lists as its optional dependencies.
func thisPlatform() (platform, error) {
	switch runtime.GOOS + "/" + runtime.GOARCH {
	case "linux/amd64":
		return platform{npm: "@chdb/lib-linux-x64-gnu", sha: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"}, nil
	case "linux/arm64":
		return platform{npm: "@chdb/lib-linux-arm64-gnu"}, nil
	case "darwin/amd64":
		return platform{npm: "@chdb/lib-darwin-x64"}, nil
	case "darwin/arm64":
		return platform{npm: "@chdb/lib-darwin-arm64"}, nil
	}
	return platform{}, fmt.Errorf("there is no ClickHouse library for %s/%s; run a ClickHouse server and set SOURCELOOP_CLICKHOUSE to its address: %w",
		runtime.GOOS, runtime.GOARCH, fs.ErrNotExist)
}
