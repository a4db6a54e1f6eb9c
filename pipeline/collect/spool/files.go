package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"sourceloop/schema"
)

// files is all that the spool asks of a file system, so that tests can bring
// one that forgets what was not synced.
type files interface {
	// list gives the names in the folder, sorted.
	list() ([]string, error)
	// create makes a new file. Its name, not its content, is durable on return.
	create(name string) (file, error)
	read(name string) ([]byte, error)
	truncate(name string, size int64) error
	// remove may be forgotten by a crash.
	remove(name string) error
}

// file is a segment being written. What was written is durable when Sync has
// returned nil; after an error nothing is known.
type file interface {
	io.WriteCloser
	Sync() error
}

// folder is the real file system.
type folder struct{ dir string }

func (f folder) list() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (f folder) create(name string) (file, error) {
	created, err := os.OpenFile(filepath.Join(f.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.sync(); err != nil {
		return nil, errors.Join(err, created.Close(), f.remove(name))
	}
	return created, nil
}

// sync makes the folder's names durable.
func (f folder) sync() error {
	d, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f folder) read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(f.dir, name)) }

func (f folder) truncate(name string, size int64) error {
	return os.Truncate(filepath.Join(f.dir, name), size)
}

func (f folder) remove(name string) error { return os.Remove(filepath.Join(f.dir, name)) }

// take makes the folder where it is missing and locks it for this process.
func take(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the spool's folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock the spool's folder: %w", err)
	}
	if !locked {
		return nil, schema.E("spool.New", schema.KindConflict,
			"Another process uses the spool in %s. Each collector needs a folder of its own: choose another one with --data.", dir)
	}
	return lock.Close, nil
}
