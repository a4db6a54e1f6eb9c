package control

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// newSecret makes 256 random bits in URL-safe text, behind a prefix that tells
// people and secret scanners what it is.
func newSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // Never fails: crypto/rand ends the process instead.
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// hashSecret is how random secrets are kept. They have 256 bits, so that a
// plain hash cannot be searched.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
