package outbound_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sourceloop/control/outbound"
	"sourceloop/schema"
)

func TestPublicKnowsWhatTheInternetReaches(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.215.14": true, "2606:2800:220:1::1": true, "::ffff:93.184.215.14": true, "64:ff9b::5db8:d70e": true, "1.1.1.1": true,
		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "::": false, "0.0.0.0": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fd00::1": false, "fd00:ec2::254": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "100.64.0.1": false, "100.100.100.200": false, "168.63.129.16": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false,
		"64:ff9b:1::1": false, "2002:7f00:1::": false, "2002:a00:1::1": false, "2001:0:1::1": false, "192.0.0.192": false,
		"198.18.0.1": false, "203.0.113.9": false, "224.0.0.1": false, "ff02::1": false, "240.0.0.1": false, "255.255.255.255": false,
		"2001:db8::1": false, "fec0::1": false, "100::1": false, "5f00::1": false,
	} {
		if got := outbound.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) is %v", text, got)
		}
	}
}

// names is a resolver that knows a few names.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	for text := range strings.FieldsSeq(n[host]) {
		all = append(all, netip.MustParseAddr(text))
	}
	if len(all) == 0 {
		return nil, errors.New("no such host")
	}
	return all, nil
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	g := outbound.Guard{Resolver: names{"good.example": "93.184.215.14", "inner.example": "10.0.0.7", "both.example": "93.184.215.14 127.0.0.1"}}
	for address, words := range map[string]string{
		"https://good.example/hook?x=1": "", "https://good.example:8443/": "", "https://93.184.215.14/": "", "https://[2606:2800:220:1::1]/": "",
		"http://good.example/": "begins with http", "https://inner.example/": "private network", "https://both.example/": "private network",
		"https://gone.example/": "leads nowhere", "https://127.0.0.1/": "private network", "https://[::1]:9/": "private network",
		"https://[::ffff:7f00:1]/": "private network", "https://2130706433/": "leads nowhere", "https://0x7f.1/": "leads nowhere",
		"https://ann:pw@good.example/": "not one that a request", "ftp://good.example/": "not one", "https:///x": "not one", "good.example": "not one",
		"https://good.example/#x": "not one", "https://good.example/" + strings.Repeat("x", 2000): "not one",
	} {
		err := g.Check(t.Context(), address)
		if words == "" && err == nil {
			continue
		}
		if words == "" || err == nil || !strings.Contains(err.Error(), words) || schema.KindOf(err) != schema.KindInvalid {
			t.Errorf("%s: %v, want %q", address, err, words)
		}
	}
	if err := (outbound.Guard{Private: true}).Check(t.Context(), "http://127.0.0.1:1/"); err != nil {
		t.Error(err)
	}
}

func TestDialingIsRefusedAfterDNS(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, address := range []string{server.URL, byName} {
		client := http.Client{Transport: outbound.Guard{}.Transport()}
		if r, err := client.Get(address); !errors.Is(err, outbound.ErrPrivate) {
			t.Errorf("%s: %v %v", address, r, err)
		}
	}
	client := http.Client{Transport: outbound.Guard{Private: true}.Transport()}
	r, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
}
