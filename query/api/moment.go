package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sourceloop/schema"
)

// Moment is a time as the API writes it: RFC 3339 in UTC with exactly three
// decimals. It reads any RFC 3339 time.
type Moment schema.Millis

const momentLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the time.
func (m Moment) MarshalJSON() ([]byte, error) {
	return []byte(`"` + schema.Millis(m).Time().Format(momentLayout) + `"`), nil
}

// UnmarshalJSON reads the time, and drops what is below a millisecond.
func (m *Moment) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("cannot read a time: %w", err)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("cannot read a time: %w", err)
	}
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return errors.New("cannot read a time: its year has not four digits")
	}
	*m = Moment(schema.MillisOf(t))
	return nil
}

// moment is the pointer that a time takes which may not have come: nil for 0.
func moment(at schema.Millis) *Moment {
	if at == 0 {
		return nil
	}
	return new(Moment(at))
}
