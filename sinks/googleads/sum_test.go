package googleads

import (
	"crypto/sha256"
	"fmt"
)

// sum is the hash of a text, by another way than the product's.
func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
