package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// randomHex gives n random hex digits.
func randomHex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // Never fails.
	return hex.EncodeToString(b)[:n]
}

// newVisitor makes an id as the tracker keeps in its cookie.
func newVisitor() string { return randomHex(32) }

// newEmail makes an address that no other test uses, so that tests can share
// a demo.
func newEmail(name string) string {
	return strings.ToLower(name) + "-" + randomHex(6) + "@example.com"
}

// digits gives n random decimal digits.
func digits(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // Never fails.
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return string(b)
}
