package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// ID names one session, claim, contact, conversion, hit or push. It is shown
// and stored in the 8-4-4-4-12 form of RFC 9562.
type ID [16]byte

// ErrBadID is returned for text or bytes that are no id.
var ErrBadID = errors.New("not an id of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")

// Derive makes the id of a thing from what it is about. The parts are
// length-prefixed before hashing, so that ("ab","c") and ("a","bc") differ.
// The result carries version 8 of RFC 9562: custom content.
func Derive(parts ...string) ID {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	var id ID
	copy(id[:], h.Sum(nil))
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// NewHitID makes a UUIDv7 from a time and 10 random bytes, which the caller
// draws. Only the low bits of random are used.
func NewHitID(at Millis, random [10]byte) ID {
	var id ID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at))
	copy(id[:6], ms[2:])
	copy(id[6:], random[:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// IDFromBytes copies the 16 bytes of an id.
func IDFromBytes(b []byte) (ID, error) {
	if len(b) != 16 {
		return ID{}, fmt.Errorf("%d bytes: %w", len(b), ErrBadID)
	}
	return ID(b), nil
}

// ParseID reads the hyphenated form, in either case.
func ParseID(s string) (ID, error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, ErrBadID
	}
	var id ID
	at := 0
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			at++ // the hyphen
		}
		high, low := hexDigit(s[at]), hexDigit(s[at+1])
		if high|low > 15 {
			return ID{}, ErrBadID
		}
		id[i] = high<<4 | low
		at += 2
	}
	return id, nil
}

// hexDigit is the value of a digit, more than 15 for what is none.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return (c | 0x20) - 'a' + 10
	}
	return 0xff
}

// String gives the hyphenated lower-case form.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// MarshalText gives the hyphenated form, for JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the hyphenated form.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	*id = parsed
	return err
}

// IsZero tells whether the id was never set.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders ids by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// IsV7 tells whether the id is a UUIDv7, as a hit's id must be.
func (id ID) IsV7() bool { return id[6]>>4 == 7 && id[8]>>6 == 2 }

// Time is the moment a UUIDv7 was made, by the clock of its maker.
func (id ID) Time() Millis {
	var ms [8]byte
	copy(ms[2:], id[:6])
	return Millis(binary.BigEndian.Uint64(ms[:]))
}
