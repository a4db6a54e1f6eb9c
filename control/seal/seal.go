package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	version   = 1
	keySize   = 32
	nameSize  = 8
	nonceSize = 12
	headSize  = 1 + nameSize + nonceSize
)

// ErrSealed is returned for a secret that does not open: its key is not on the
// ring, it was changed, or it belongs to something else.
var ErrSealed = errors.New("the sealed secret does not open with any key on the ring")

// Ring holds the keys. It is safe for concurrent use.
type Ring struct {
	first keyName
	keys  map[keyName]cipher.AEAD
}

type keyName [nameSize]byte

// Parse reads keys as the operator writes them: each is the base64 of 32
// bytes, separated by commas or white space. The first seals, all open.
func Parse(text string) (*Ring, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	if len(fields) == 0 {
		return nil, errors.New("cannot read the keys: there are none; give at least one, the base64 of 32 random bytes")
	}
	ring := &Ring{keys: make(map[keyName]cipher.AEAD, len(fields))}
	for i, field := range fields {
		key, err := base64.StdEncoding.DecodeString(field)
		if err != nil || len(key) != keySize {
			// The text is a secret: the error names its place only.
			return nil, fmt.Errorf("cannot read key %d of %d: it must be the base64 of 32 bytes", i+1, len(fields))
		}
		name, err := ring.add(key)
		if err != nil {
			return nil, fmt.Errorf("cannot use key %d of %d: %w", i+1, len(fields), err)
		}
		if i == 0 {
			ring.first = name
		}
	}
	return ring, nil
}

func (r *Ring) add(key []byte) (keyName, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return keyName{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return keyName{}, err
	}
	sum := sha256.Sum256(append([]byte("sourceloop key name\x00"), key...))
	name := keyName(sum[:nameSize])
	r.keys[name] = aead
	return name, nil
}

// NewKey makes a key in the form that Parse reads.
func NewKey() string {
	var key [keySize]byte
	_, _ = rand.Read(key[:]) // Never fails: crypto/rand ends the process instead.
	return base64.StdEncoding.EncodeToString(key[:])
}

// OpenFile reads the ring from a file, making the file with one new key when
// it is not there. Nobody but its owner may read it.
func OpenFile(path string) (*Ring, error) {
	if err := makeFile(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use the key file %s: others may read it (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key file: %w", err)
	}
	return Parse(string(text))
}

// makeFile writes a new key beside path and links it there, so that a crash
// leaves either no key file or a whole one, and of two starts one wins.
func makeFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil // There, or unreadable, which reading will tell.
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the folder of the key file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return fmt.Errorf("cannot make the key file: %w", err)
	}
	_, err = f.WriteString(NewKey() + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err = errors.Join(ignore(err, fs.ErrExist), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("cannot make the key file: %w", err)
	}
	return nil
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// Seal encrypts a secret and binds it to its owner, which Open must be given
// in the same words.
func (r *Ring) Seal(secret []byte, owner ...string) []byte {
	sealed := make([]byte, headSize, headSize+len(secret)+16)
	sealed[0] = version
	copy(sealed[1:], r.first[:])
	_, _ = rand.Read(sealed[1+nameSize : headSize]) // Never fails, see NewKey.
	return r.keys[r.first].Seal(sealed, sealed[1+nameSize:headSize], secret, associated(owner))
}

// Open decrypts what Seal made for the same owner.
func (r *Ring) Open(sealed []byte, owner ...string) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != version {
		return nil, ErrSealed
	}
	aead, ok := r.keys[keyName(sealed[1:1+nameSize])]
	if !ok {
		return nil, ErrSealed
	}
	secret, err := aead.Open(nil, sealed[1+nameSize:headSize], sealed[headSize:], associated(owner))
	if err != nil {
		return nil, ErrSealed
	}
	return secret, nil
}

// Stale tells whether a sealed secret should be sealed again, because it was
// sealed with another key than the ring's first.
func (r *Ring) Stale(sealed []byte) bool {
	return len(sealed) < headSize || keyName(sealed[1:1+nameSize]) != r.first
}

// associated joins words so that no two lists of words give the same bytes.
func associated(words []string) []byte {
	var data []byte
	for _, word := range words {
		data = binary.BigEndian.AppendUint64(data, uint64(len(word)))
		data = append(data, word...)
	}
	return data
}
