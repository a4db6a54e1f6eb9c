package schema_test

import (
	"testing"
	"time"

	"sourceloop/schema"
)

// zones are of servers west and east of Greenwich.
func zones(t *testing.T) (all []*time.Location) {
	t.Helper()
	all = []*time.Location{time.UTC, time.FixedZone("west", -11*3600), time.FixedZone("east", 14*3600)}
	for _, name := range []string{"America/New_York", "Europe/Berlin", "Asia/Kolkata", "Africa/Cairo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, zone)
	}
	return all
}

// TestDaysOfAServerAreDaysOfUTC: a day that the driver gives as midnight in the server's zone is midnight UTC of that day.
func TestDaysOfAServerAreDaysOfUTC(t *testing.T) {
	for _, zone := range zones(t) {
		for _, want := range []time.Time{
			time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
			time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(1950, 6, 1, 0, 0, 0, 0, time.UTC),
		} {
			given := time.Date(want.Year(), want.Month(), want.Day(), 0, 0, 0, 0, zone)
			if got := schema.UTCDay(given); got != want {
				t.Errorf("%s is the day %s, want %s", given, got, want)
			}
		}
	}
}
