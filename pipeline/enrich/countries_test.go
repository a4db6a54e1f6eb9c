package enrich_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"sourceloop/pipeline/enrich"
)

// geoipFile writes a small database in the layouts of two vendors.
func geoipFile(t *testing.T) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-Country", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range map[string]mmdbtype.DataType{
		"81.2.69.0/24":  mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("GB")}},
		"2001:db8::/32": mmdbtype.Map{"country_code": mmdbtype.String("SE")},
		"89.160.0.0/16": mmdbtype.Map{"city": mmdbtype.String("nowhere")},
	} {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(n, record); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "country.mmdb")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCountryInOrderOfTrust(t *testing.T) {
	c, err := enrich.NewCountries(geoipFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, test := range []struct{ addr, header, tz, code, source string }{
		{"81.2.69.142", "FR", "Europe/Berlin", "GB", "geoip"},
		{"::ffff:81.2.69.142", "", "", "GB", "geoip"},
		{"2001:db8::1", "", "", "SE", "geoip"},
		{"89.160.1.1", "fr", "Europe/Berlin", "FR", "header"},
		{"127.0.0.1", "XX", "Europe/Berlin", "DE", "timezone"},
		{"127.0.0.1", "T1", "Asia/Calcutta", "IN", "timezone"},
		{"127.0.0.1", "<b>", "US/Eastern", "US", "timezone"},
		{"127.0.0.1", "", "Europe/Kyiv", "UA", "timezone"},
		{"127.0.0.1", "", "Etc/UTC", "", ""},
		{"", "", "../../etc/passwd", "", ""},
	} {
		addr, _ := netip.ParseAddr(test.addr)
		if code, source := c.Country(addr, test.header, test.tz); code != test.code || source != test.source {
			t.Errorf("%+v: got %q from %q", test, code, source)
		}
	}
}

func TestCountriesWithoutOrWithABadFile(t *testing.T) {
	c, err := enrich.NewCountries("")
	if err != nil {
		t.Fatal(err)
	}
	if code, source := c.Country(netip.MustParseAddr("81.2.69.142"), "", "Pacific/Auckland"); code != "NZ" || source != "timezone" {
		t.Errorf("got %q from %q", code, source)
	}
	path := filepath.Join(t.TempDir(), "bad.mmdb")
	if err := os.WriteFile(path, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := enrich.NewCountries(path); err == nil {
		t.Error("a file that is no database was opened")
	}
}
