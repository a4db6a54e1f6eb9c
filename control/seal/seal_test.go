package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func ring(t testing.TB, keys ...string) *Ring {
	t.Helper()
	r, err := Parse(strings.Join(keys, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOpensForItsOwnerOnly: any change of ring, owner or bytes closes it.
func TestOpensForItsOwnerOnly(t *testing.T) {
	mine, others := ring(t, NewKey()), ring(t, NewKey())
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		owner := rapid.SliceOf(rapid.String()).Draw(t, "owner")
		stranger := rapid.SliceOf(rapid.String()).Draw(t, "stranger")
		sealed := mine.Seal(secret, owner...)
		if got, err := mine.Open(sealed, owner...); err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("opened as %q, %v", got, err)
		}
		same := len(owner) == len(stranger)
		for i := 0; same && i < len(owner); i++ {
			same = owner[i] == stranger[i]
		}
		if _, err := mine.Open(sealed, stranger...); same != (err == nil) {
			t.Fatalf("sealed for %q, opened for %q: %v", owner, stranger, err)
		}
		if _, err := others.Open(sealed, owner...); !errors.Is(err, ErrSealed) {
			t.Fatalf("another ring: %v", err)
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "place")] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		if _, err := mine.Open(sealed, owner...); !errors.Is(err, ErrSealed) {
			t.Fatalf("changed bytes: %v", err)
		}
	})
}

func TestRotation(t *testing.T) {
	older, newer := NewKey(), NewKey()
	sealed := ring(t, older).Seal([]byte("token"), "1")
	both := ring(t, newer, older)
	got, err := both.Open(sealed, "1")
	if err != nil || string(got) != "token" || !both.Stale(sealed) {
		t.Fatalf("%q %v stale %v", got, err, both.Stale(sealed))
	}
	again := both.Seal(got, "1")
	if both.Stale(again) || bytes.Equal(again, sealed) {
		t.Fatal("sealing anew changed nothing")
	}
	if _, err = ring(t, newer).Open(again, "1"); err != nil {
		t.Fatal(err)
	}
	if !both.Stale(nil) {
		t.Fatal("nothing is not stale")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", " \n", "short", NewKey() + ",AAAA", strings.TrimRight(NewKey(), "=")} {
		_, err := Parse(text)
		if err == nil {
			t.Errorf("%q is a ring", text)
		} else if text = strings.TrimSpace(text); text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

func TestOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "keys")
	var wg sync.WaitGroup
	rings := make([]*Ring, 4)
	for i := range rings { // Of several first starts one makes the key.
		wg.Go(func() {
			var err error
			if rings[i], err = OpenFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sealed := rings[0].Seal([]byte("token"))
	for _, r := range rings {
		if r == nil {
			t.Fatal("no ring")
		}
		if _, err := r.Open(sealed); err != nil {
			t.Fatal("two starts have two keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil || len(left) != 1 {
		t.Fatal("left over:", left, err)
	}
	if err = os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err = OpenFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("a key that others may read: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	r := ring(f, NewKey())
	f.Add(r.Seal([]byte("token"))[:20])
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := r.Open(sealed, "somebody"); !errors.Is(err, ErrSealed) {
			t.Fatalf("opened: %v", err)
		}
	})
}
