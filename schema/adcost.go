package schema

// AdCost is what a workspace paid for ads on one day, by what they brought.
type AdCost struct {
	Day         string // calendar day as 2026-11-23, as the advertising platform counts it
	Source      string // in lower case, as sessions have it
	Medium      string // likewise
	Campaign    string // as given; "" for none
	Currency    string // ISO 4217
	Micros      int64  // millionths of the currency's unit
	Clicks      uint64 // as the platform counted them; 0 where nobody says
	Impressions uint64 // likewise
}

// Same tells whether two costs are about the same thing, so that the later one
// replaces the other.
func (c *AdCost) Same(other *AdCost) bool {
	return c.Day == other.Day && c.Source == other.Source && c.Medium == other.Medium && c.Campaign == other.Campaign
}
