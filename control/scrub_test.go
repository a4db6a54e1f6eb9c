package control_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sourceloop/control"
	"sourceloop/control/controltest"
)

// TestNothingOfATokenStays: among many tokens that come, are replaced and go,
// so that pages are split, merged and reused, a destroyed one leaves no bytes in
// any file, while readers are at work.
func TestNothingOfATokenStays(t *testing.T) {
	dir := t.TempDir()
	s := controltest.Open(t, "sqlite:"+filepath.Join(dir, "control.db"), control.Options{})
	ctx := t.Context()
	who := controltest.NewOwner(t, s, "ann@example.com")
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_, _ = s.Connections(ctx, who) // The last one is cut off by the test's end.
			}
		}
	}()
	t.Cleanup(func() { <-reading })
	const many = 60
	gone := map[int][]byte{}
	var ids []int64
	for n := range many {
		provider := fmt.Sprintf("provider%d", n)
		state := must[string](t)(s.BeginConnection(ctx, who, provider, "browser"))
		c := must[control.Connection](t)(s.UseState(ctx, provider, state, "browser"))
		for round := range 2 {
			ok(t, s.SaveGrant(ctx, c.ID, control.Grant{Access: fmt.Sprintf("token %d of %d %s", round, n, bytes.Repeat([]byte("x"), n*3))}))
			if round == 0 {
				gone[n] = must[[]byte](t)(s.SealedToken(ctx, c.ID))
			}
		}
		ids = append(ids, c.ID)
	}
	for n := 0; n < many; n += 7 {
		gone[many+n] = must[[]byte](t)(s.SealedToken(ctx, ids[n]))
		ok(t, s.DestroyToken(ctx, ids[n]))
	}
	kept := must[[]byte](t)(s.SealedToken(ctx, ids[1]))
	files := readAll(t, dir)
	if !bytes.Contains(files, kept[21:]) {
		t.Fatal("a token that was kept is not found, so the search proves nothing")
	}
	for n, sealed := range gone {
		if bytes.Contains(files, sealed[9:37]) {
			t.Errorf("token %d is still in the files", n)
		}
	}
}

func readAll(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		all = append(all, body...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
