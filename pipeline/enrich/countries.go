package enrich

import (
	_ "embed"
	"fmt"
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

//go:embed data/zones.txt
var zonesText string

// Where a country was read from, as it is stored beside the country.
const (
	CountryFromGeoIP    = "geoip"
	CountryFromHeader   = "header"
	CountryFromTimeZone = "timezone"
)

// Countries tells a visitor's country. It is safe for concurrent use.
type Countries struct {
	geoip *maxminddb.Reader // nil without a file
	zones map[string]string // country by IANA time zone
}

// NewCountries opens the operator's GeoIP file, in MaxMind's format; with ""
// there is none. The table of time zones is part of the program.
func NewCountries(geoipPath string) (*Countries, error) {
	c := &Countries{zones: map[string]string{}}
	for line := range strings.Lines(zonesText) {
		country, zone, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && len(country) == 2 {
			c.zones[zone] = country
		}
	}
	if geoipPath == "" {
		return c, nil
	}
	reader, err := maxminddb.Open(geoipPath)
	if err != nil {
		return nil, fmt.Errorf("cannot open the GeoIP file %s; it must be a country or city database in MaxMind's .mmdb format: %w", geoipPath, err)
	}
	c.geoip = reader
	return c, nil
}

// Close gives the GeoIP file back. Nothing may be asked afterwards.
func (c *Countries) Close() error {
	if c.geoip == nil {
		return nil
	}
	return c.geoip.Close()
}

// Country gives an ISO 3166-1 alpha-2 code and where it was read from: the
// GeoIP file, else the header of a trusted proxy ("" when there is none; the
// caller knows whom it trusts), else the browser's time zone. Both are "" when
// nothing says.
func (c *Countries) Country(addr netip.Addr, header, tz string) (code, source string) {
	if code := c.byAddress(addr); code != "" {
		return code, CountryFromGeoIP
	}
	if code := countryCode(header); code != "" {
		return code, CountryFromHeader
	}
	if code := c.zones[tz]; code != "" {
		return code, CountryFromTimeZone
	}
	return "", ""
}

// byAddress reads the layouts of MaxMind (country.iso_code) and of IPinfo
// (country_code, or country as text).
func (c *Countries) byAddress(addr netip.Addr) string {
	if c.geoip == nil || !addr.IsValid() {
		return ""
	}
	found := c.geoip.Lookup(addr.Unmap().WithZone(""))
	if !found.Found() {
		return ""
	}
	for _, path := range [][]any{{"country", "iso_code"}, {"country_code"}, {"country"}} {
		var text string
		if err := found.DecodePath(&text, path...); err == nil {
			if code := countryCode(text); code != "" {
				return code
			}
		}
	}
	return ""
}

// countryCode accepts two letters, but not the codes by which proxies say that
// they do not know (XX) or that it is Tor (T1).
func countryCode(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) != 2 || text == "XX" || text == "ZZ" || text[0] < 'A' || text[0] > 'Z' || text[1] < 'A' || text[1] > 'Z' {
		return ""
	}
	return text
}
