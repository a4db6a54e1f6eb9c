package spool

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// disk is a file system in memory that can lose power, be full and fail.
type disk struct {
	mu      sync.Mutex
	files   map[string]*stored
	removed map[string]*stored // whose removal a crash may forget
	space   int                // bytes that fit; 0 for any
	syncs   int
	syncing func() error // called by every sync before it takes effect
}

// stored is a file. What is behind synced is gone after a loss of power, or is
// there in part.
type stored struct {
	data     []byte
	synced   int
	modified time.Time
}

func newDisk() *disk { return &disk{files: map[string]*stored{}, removed: map[string]*stored{}} }

func (d *disk) list() ([]fileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []fileInfo
	for name, f := range d.files {
		all = append(all, fileInfo{name, int64(len(f.data)), f.modified})
	}
	slices.SortFunc(all, func(a, b fileInfo) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func (d *disk) create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[name] != nil {
		return nil, fs.ErrExist
	}
	d.files[name] = &stored{modified: time.Now()}
	return &openFile{d, d.files[name]}, nil
}

func (d *disk) read(name string, p []byte, offset int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[name]
	if f == nil {
		return fs.ErrNotExist
	}
	if int(offset) > len(f.data) || copy(p, f.data[offset:]) < len(p) {
		return io.EOF
	}
	return nil
}

func (d *disk) truncate(name string, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[name]
	f.data = f.data[:size]
	f.synced = min(f.synced, int(size))
	return nil
}

func (d *disk) rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[to] = d.files[from]
	delete(d.files, from)
	return nil
}

func (d *disk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[name] == nil {
		return fs.ErrNotExist
	}
	d.removed[name] = d.files[name]
	delete(d.files, name)
	return nil
}

func (d *disk) used() (n int) {
	for _, f := range d.files {
		n += len(f.data)
	}
	return n
}

// names are the files with an ending.
func (d *disk) names(ending string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for name := range d.files {
		if strings.HasSuffix(name, ending) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// put makes a file as a former process left it.
func (d *disk) put(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = &stored{data: data, synced: len(data), modified: time.Now()}
}

// kill is what the next process finds when this one was killed: all that was
// written. Removals may be forgotten only by a loss of power.
func (d *disk) kill() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk()
	for name, f := range d.files {
		after.files[name] = &stored{slices.Clone(f.data), len(f.data), f.modified}
	}
	return after
}

// losePower is what the next process finds when the power failed: what was
// synced, and perhaps a part of the rest; files that had been removed are back.
func (d *disk) losePower(random *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newDisk()
	for _, files := range []map[string]*stored{d.removed, d.files} {
		for name, f := range files {
			kept := f.synced
			if rest := len(f.data) - f.synced; rest > 0 {
				kept += random.IntN(rest) // Never all of it.
			}
			after.files[name] = &stored{slices.Clone(f.data[:kept]), kept, f.modified}
		}
	}
	return after
}

type openFile struct {
	disk *disk
	file *stored
}

func (f *openFile) Write(p []byte) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if free := f.disk.space - f.disk.used(); f.disk.space > 0 && free < len(p) {
		f.file.data = append(f.file.data, p[:max(0, free)]...)
		return max(0, free), syscall.ENOSPC
	}
	f.file.data = append(f.file.data, p...)
	return len(p), nil
}

func (f *openFile) Sync() error {
	f.disk.mu.Lock()
	syncing, size := f.disk.syncing, len(f.file.data)
	f.disk.mu.Unlock()
	if syncing != nil {
		if err := syncing(); err != nil {
			return err
		}
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.syncs++
	f.file.synced = min(size, len(f.file.data))
	return nil
}

func (f *openFile) Close() error { return nil }

// seeded gives random numbers that can be had again by the printed seed.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
