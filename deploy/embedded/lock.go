package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrInUse says that another process works on the folder.
var ErrInUse = errors.New("another sourceloop is running on it")

// LockFolder creates dir where it is missing and takes it for this process: its embedded stores are written by one
// process at a time. The operating system frees it when the process ends, however it ends. release frees it earlier.
func LockFolder(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create the data folder: %w; choose a folder that you may write to with --data", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock the data folder %s: %w; choose a folder on a local disk that you may write to with --data", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("cannot use the data folder %s: %w, and two would destroy each other's data; stop that one, or choose another folder with --data", dir, ErrInUse)
	}
	return func() {
		// Closing the file frees the lock even when unlocking fails, and there is nothing else a caller could do.
		_ = lock.Close()
	}, nil
}
