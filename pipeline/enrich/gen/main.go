// Command gen derives the tables of package enrich from public data:
//
//	go run ./pipeline/enrich/gen -referrers DIR -zones /usr/share/zoneinfo -out pipeline/enrich/data
//
// DIR holds SearchEngines.yml, Socials.yml and AIAssistants.yml of
// matomo-org/searchengine-and-social-list (CC0). The zones come from the time
// zone database's zone.tab, iso3166.tab and tzdata.zi (public domain).
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

func main() {
	referrers := flag.String("referrers", "", "folder with the three referrer lists")
	number := flag.Int("number", 20260715, "number of the referrer list: the day it was published")
	zones := flag.String("zones", "/usr/share/zoneinfo", "folder with zone.tab and tzdata.zi")
	out := flag.String("out", "pipeline/enrich/data", "folder to write to")
	flag.Parse()
	if err := run(*referrers, *number, *zones, *out); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

func run(referrers string, number int, zones, out string) error {
	list, err := referrerTable(referrers, number)
	if err != nil {
		return err
	}
	table, err := zoneTable(zones)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"referrers.txt": list, "zones.txt": table} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("cannot write a table: %w", err)
		}
	}
	return nil
}
