package schema

import (
	"math/rand/v2"
	"slices"
	"time"
)

// JourneyCopy is a part of the table journeys: the sessions that began on some
// days of one month, as they were when they were copied.
type JourneyCopy struct {
	Month  uint32    // as 202611
	Build  uint64    // its number; a later copy has a higher one (JourneyMade)
	Begins time.Time // the first day, UTC
	Covers time.Time // the day behind the last
	Noted  Millis    // changes that were noted up to then are in it
	Rows   uint64
}

// JourneyCopies are those of many that stand: of each month a chain that begins
// with its first day, each copy on the day on which the one before ends, and of
// those that begin on one day the newest. They are in the order of their days.
// A copy that covers no day stands for nothing.
func JourneyCopies(all []JourneyCopy) []JourneyCopy {
	newest := make(map[time.Time]JourneyCopy, len(all))
	for _, c := range all {
		if c.Covers.After(c.Begins) && c.Build > newest[c.Begins].Build {
			newest[c.Begins] = c
		}
	}
	var months []time.Time
	for day := range newest {
		if day.Day() == 1 {
			months = append(months, day)
		}
	}
	slices.SortFunc(months, time.Time.Compare)
	var chain []JourneyCopy
	for _, day := range months {
		month := newest[day].Month
		for c, ok := newest[day]; ok && c.Month == month; c, ok = newest[c.Covers] {
			chain = append(chain, c)
		}
	}
	return chain
}

// UTCDay is the day that a moment has in its own zone, as midnight UTC. The driver
// gives a Date32 as midnight in the zone of ClickHouse's server, while days here
// are UTC's.
func UTCDay(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// buildBits are random bits of a copy's number: two that begin at one time are
// two.
const buildBits = 10

// JourneyBuild is a number for a copy that is begun at a time.
func JourneyBuild(at Millis) uint64 {
	return uint64(at)<<buildBits | rand.Uint64N(1<<buildBits) //nolint:gosec // Tells copies apart, and keeps no secret.
}

// JourneyMade is when the copy with a number was begun.
func JourneyMade(build uint64) Millis { return Millis(build >> buildBits) }
