package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"

	"sourceloop/schema"
)

func refused(code, format string, args ...any) schema.Verdict {
	return schema.Verdict{Outcome: schema.OutcomeRefused, Code: code, Words: fmt.Sprintf(format, args...)}
}

// Refused is the verdict of an event that a platform does not take, for good.
func Refused(code, format string, args ...any) schema.Verdict {
	return refused(code, format, args...)
}

// worth checks an event's value: LinkedIn takes any nonsense for a currency, and
// counts nothing then.
func worth(title string, e *schema.Outgoing) (schema.Verdict, bool) {
	switch {
	case !e.HasValue:
		return schema.Verdict{}, false
	case math.IsNaN(e.Value) || math.IsInf(e.Value, 0) || e.Value < 0:
		return refused("value", "The value of this conversion is no amount that %s takes: it must be a number, and not negative. Correct the destination's value, then send it again.", title), true
	case !isCurrency(e.Currency):
		return refused("currency", "The currency of this conversion is not one of the three letters that %s knows, such as USD. Correct the destination's currency, then send it again.", title), true
	}
	return schema.Verdict{}, false
}

// isCurrency knows the form of ISO 4217, not its list, which changes.
func isCurrency(code string) bool {
	return len(code) == 3 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Hash is the SHA-256 of a text in lower-case hexadecimal, and "" of "".
func Hash(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
