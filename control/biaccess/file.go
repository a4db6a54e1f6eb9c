package biaccess

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"sourceloop/schema"
	migrations "sourceloop/schema/clickhouse"
)

// File is where a data folder keeps who reads its embedded ClickHouse. It holds
// no password, only hashes of random ones.
type File struct{ Dir string }

// Path is the file's.
func (f File) Path() string { return filepath.Join(f.Dir, "bi.json") }

// Users are all that are in the file, of every workspace.
func (f File) Users() ([]migrations.BIUser, error) {
	text, err := os.ReadFile(f.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []migrations.BIUser
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	for _, u := range all {
		err = errors.Join(err, u.Check())
	}
	if err != nil {
		return nil, schema.E("read the BI users", schema.KindInvalid, "The file %s cannot be used (%v). Mend it, or remove it and add its users again.", f.Path(), err)
	}
	return all, nil
}

// Change replaces the users by what change makes of them, while nobody else
// does: the command line works beside a running process. What change refuses is
// not done.
func (f File) Change(change func([]migrations.BIUser) ([]migrations.BIUser, error)) (err error) {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return f.unwritten(err)
	}
	lock := flock.New(f.Path() + ".lock")
	if err := lock.Lock(); err != nil {
		return f.unwritten(err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	all, err := f.Users()
	if err != nil {
		return err
	}
	if all, err = change(all); err != nil {
		return err
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write the BI users: %w", err)
	}
	fresh := f.Path() + ".new"
	if err = os.WriteFile(fresh, text, 0o600); err == nil {
		err = os.Rename(fresh, f.Path())
	}
	if err != nil {
		return f.unwritten(err)
	}
	return nil
}

func (f File) unwritten(err error) error {
	return schema.E("write the BI users", schema.KindInvalid, "The BI users cannot be kept in %s (%v). Name the data folder of serve with --data.", f.Dir, err)
}
