// Package seal keeps secrets unreadable at rest: AES-256-GCM with keys that
// the operator holds.
//
// A sealed secret is a version byte, the 8-byte name of the key, a 12-byte
// nonce, and the ciphertext with its tag. What the secret belongs to goes in
// as associated data, so that a sealed token copied to another row opens for
// nobody.
//
// A Ring has one key that seals and any number that only open. To rotate, put
// the new key first, start, reseal what Stale reports, then drop the old key.
package seal
