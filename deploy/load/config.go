package load

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"encoding/binary"
)

// Config says how much traffic to plan. Everything in it takes part in every random choice, so that two plans have
// nobody in common.
type Config struct {
	Seed     uint64
	Base     time.Time // the plan ends here: the start of a day in the workspace's zone
	Days     int       // how many days before Base it covers; 1 to 85
	Hits     int       // distinct hits, at least one a visitor
	Visitors int       // browsers
	Chats    int       // conversations
}

// The borders of a plan.
const (
	maxDays = 85 // within the longest look back that is asked for, and days in a trend
	// maxHitsOfVisitor is below the number at which a visitor is taken for a machine.
	maxHitsOfVisitor = 900
)

// StartOfDay is the base when nobody says: the start of today in a zone.
func StartOfDay(now time.Time, zone *time.Location) time.Time {
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// Validate says in words why a plan cannot be made.
func (c Config) Validate() error {
	local := c.Base
	switch {
	case c.Visitors < 1:
		return fmt.Errorf("cannot plan traffic of %d visitors; use at least 1", c.Visitors)
	case c.Hits < c.Visitors:
		return fmt.Errorf("cannot plan %d hits of %d visitors; use at least one hit a visitor", c.Hits, c.Visitors)
	case c.Days < 1 || c.Days > maxDays:
		return fmt.Errorf("cannot plan %d days; use 1 to %d", c.Days, maxDays)
	case c.Hits/c.Visitors > maxHits(c.Days):
		return fmt.Errorf("cannot plan %d hits a visitor in %d days; use at most %d, or more visitors", c.Hits/c.Visitors, c.Days, maxHits(c.Days))
	case c.Chats < 0 || c.Chats > c.Visitors:
		return fmt.Errorf("cannot plan %d chats of %d visitors; use at most one a visitor", c.Chats, c.Visitors)
	case local.Hour() != 0 || local.Minute() != 0 || local.Second() != 0 || local.Nanosecond() != 0:
		return fmt.Errorf("cannot plan traffic up to %s; the base must be the start of a day in the workspace's zone", c.Base.Format(time.RFC3339))
	}
	return nil
}

// maxHits is how many hits a visitor may have on average: visits of a day and a browser are limited, and so are their lengths.
func maxHits(days int) int { return min(maxHitsOfVisitor/2, days*20) }

// begin is the first moment of the plan.
func (c Config) begin() time.Time { return c.Base.AddDate(0, 0, -c.Days) }

// key names the plan: 12 hexadecimal digits that no other plan shares.
func (c Config) key() string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%d %s %d %d %d %d", c.Seed, c.Base.Format(time.RFC3339), c.Days, c.Hits, c.Visitors, c.Chats)))
	return hex.EncodeToString(sum[:6])
}

// random gives the dice of one purpose; the same at every run.
func (c Config) random(purpose string, number int) *rand.Rand {
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s %s %d", c.key(), purpose, number)))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16]))) //nolint:gosec // Dice that must fall the same at every run.
}
