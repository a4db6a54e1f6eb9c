package schema

import "time"

// Millis is a moment: milliseconds since 1970, UTC.
type Millis int64

// MillisOf rounds a time down to its millisecond.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time is the moment in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Day is the number of days since 1970 in UTC: the partition key of sessions.
func (m Millis) Day() int32 {
	const day = 24 * 60 * 60 * 1000
	d := int64(m) / day
	if int64(m)%day < 0 {
		d--
	}
	return int32(d)
}

// Add moves the moment by d, which is cut to milliseconds.
func (m Millis) Add(d time.Duration) Millis { return m + Millis(d.Milliseconds()) }

// Sub is the time from other to m.
func (m Millis) Sub(other Millis) time.Duration { return time.Duration(m-other) * time.Millisecond }

// EndOfSecond is how a provider's time in whole seconds is read: whatever
// happened in that second happened by its end (product rule: a conversion's
// own hits must not come after it).
func EndOfSecond(unixSeconds int64) Millis { return Millis(unixSeconds*1000 + 999) }
