package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"sourceloop/schema"
)

// files is all that the spool asks of a file system, so that tests can bring
// one that forgets what was not synced.
type files interface {
	// list gives what is in the folder, sorted by name.
	list() ([]fileInfo, error)
	// create makes a new file. Its name, not its content, is durable on return.
	create(name string) (file, error)
	// read fills p from an offset. It gives io.EOF when the file ends before.
	read(name string, p []byte, offset int64) error
	truncate(name string, size int64) error
	rename(from, to string) error
	// remove may be forgotten by a crash.
	remove(name string) error
}

type fileInfo struct {
	name     string
	size     int64
	modified time.Time
}

// file is a segment being written. What was written is durable when Sync has
// returned nil; after an error nothing is known.
type file interface {
	io.WriteCloser
	Sync() error
}

// folder is the real file system.
type folder struct{ dir string }

func (f folder) list() ([]fileInfo, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	all := make([]fileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		all = append(all, fileInfo{e.Name(), info.Size(), info.ModTime()})
	}
	return all, nil
}

func (f folder) create(name string) (file, error) {
	created, err := os.OpenFile(filepath.Join(f.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncFolder(f.dir); err != nil {
		return nil, errors.Join(err, created.Close(), f.remove(name))
	}
	return created, nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f folder) read(name string, p []byte, offset int64) error {
	r, err := os.Open(filepath.Join(f.dir, name))
	if err != nil {
		return err
	}
	defer r.Close()
	if _, err := r.ReadAt(p, offset); err != nil {
		return err
	}
	return nil
}

func (f folder) truncate(name string, size int64) error {
	return os.Truncate(filepath.Join(f.dir, name), size)
}

func (f folder) rename(from, to string) error {
	if err := os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, to)); err != nil {
		return err
	}
	return syncFolder(f.dir)
}

func (f folder) remove(name string) error { return os.Remove(filepath.Join(f.dir, name)) }

// take makes the folder where it is missing and locks it for this process.
func take(dir string) (release func() error, err error) {
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("cannot make the spool's folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock the spool's folder: %w", err)
	}
	if !locked {
		return nil, schema.E("spool.New", schema.KindConflict,
			"Another process uses the spool in %s. Each collector needs a data folder of its own: choose another one with --data.", dir)
	}
	return lock.Close, nil
}

// makeFolder makes a folder whose name is durable.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(dir))
}
