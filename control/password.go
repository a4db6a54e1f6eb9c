package control

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"sourceloop/schema"
)

// The cost of a password hash, as OWASP recommends for argon2id: 19 MiB, two
// passes, one lane.
const (
	hashMemory  = 19 * 1024
	hashPasses  = 2
	hashLanes   = 1
	hashKeySize = 32
	hashSalt    = 16

	// parallelHashes bounds the memory that sign-ins can take at once.
	parallelHashes = 4

	minPassword = 12
	maxPassword = 1024
)

// decoy is verified when there is no such account, so that the time an answer
// takes does not tell whether there is.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$c291cmNlbG9vcC1kZWNveQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func checkPassword(op, password string) error {
	if n := utf8.RuneCountInString(password); n < minPassword || len(password) > maxPassword {
		return schema.E(op, schema.KindInvalid, "The password must have at least %d characters and at most %d bytes. Choose another one.", minPassword, maxPassword)
	}
	return nil
}

// hashPassword gives the PHC string of a password.
func (s *Store) hashPassword(ctx context.Context, password string) (string, error) {
	release, err := s.enterHashing(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	var salt [hashSalt]byte
	_, _ = rand.Read(salt[:]) // Never fails, see newSecret.
	key := argon2.IDKey([]byte(password), salt[:], hashPasses, hashMemory, hashLanes, hashKeySize)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashPasses, hashLanes, b64(salt[:]), b64(key)), nil
}

// verifyPassword compares in constant time. A hash that is none is an error.
func (s *Store) verifyPassword(ctx context.Context, hash, password string) (bool, error) {
	release, err := s.enterHashing(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	parts := strings.Split(hash, "$")
	var version, memory, passes, lanes uint32
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errors.New("cannot read a password hash")
	}
	if _, err = fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil {
		return false, errors.New("cannot read the cost of a password hash")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || version != argon2.Version || lanes == 0 || lanes > 255 || passes == 0 || len(key) == 0 {
		return false, errors.New("cannot read a password hash")
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, uint8(lanes), uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1, nil
}

func (s *Store) enterHashing(ctx context.Context) (release func(), err error) {
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
