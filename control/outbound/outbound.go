// Package outbound keeps requests to addresses that people type in away from
// networks that only this server can reach: loopback, private networks, and
// what clouds tell their machines about themselves.
//
// An address is looked at twice. When it is saved, so that whoever types it
// learns what is wrong; and when it is dialed, after DNS, since a name may lead
// elsewhere by then. Only the second look protects.
package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"sourceloop/schema"
)

// ErrPrivate is what dialing an address gives that the internet does not reach.
var ErrPrivate = errors.New("the address is one of a private network")

// maxURL is longer than addresses of receivers are.
const maxURL = 2000

// Resolver finds the addresses of a name; *net.Resolver does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Guard says where requests may go. The zero value lets none into a private
// network, and asks the system's resolver.
type Guard struct {
	Private  bool // also private networks, and http: for a closed network
	Resolver Resolver
}

// Public tells whether an address is one of the internet, by the registries of
// special addresses of IANA (RFC 6890 and its successors). What carries an IPv4
// address inside is judged by that one.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap()
	if ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	if inner, ok := carried(ip); ok {
		return Public(inner)
	}
	return !slices.ContainsFunc(special(), func(p netip.Prefix) bool { return p.Contains(ip) }) &&
		(ip.Is4() || netip.MustParsePrefix("2000::/3").Contains(ip))
}

// carried is the IPv4 address within one of NAT64 or 6to4.
func carried(ip netip.Addr) (netip.Addr, bool) {
	if !ip.Is6() {
		return netip.Addr{}, false
	}
	b := ip.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case netip.MustParsePrefix("2002::/16").Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// special are networks of the global ranges that nobody on the internet has.
func special() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"168.63.129.16/32", // Azure's platform speaks to its machines there.
		"2001::/23", "2001:db8::/32", "3fff::/20",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// Control is for net.Dialer: it refuses what is not public. It is called with
// the address that is about to be dialed, after DNS.
func Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !Public(at.Addr()) {
		return ErrPrivate
	}
	return nil
}

// Transport makes one that dials where the guard allows. It asks no proxy,
// which would dial in our place.
func (g Guard) Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !g.Private {
		dialer.Control = Control
	}
	return &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
	}
}

// Check says in words what is wrong with an address that is to be saved.
func (g Guard) Check(ctx context.Context, text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Hostname() == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return invalid("The address is not one that a request can be sent to. Give it as https://example.com/path, without a name, a password and a part behind #.")
	}
	if g.Private {
		return nil
	}
	if u.Scheme != "https" {
		return invalid("The address begins with http, so everybody on the way could read what is sent there. Give one that begins with https.")
	}
	addresses, err := g.addresses(ctx, strings.TrimSuffix(u.Hostname(), "."))
	if err != nil || len(addresses) == 0 {
		return invalid("The name %s leads nowhere: DNS knows no address of it. Check how it is written, or wait until DNS knows it.", u.Hostname())
	}
	if slices.ContainsFunc(addresses, func(ip netip.Addr) bool { return !Public(ip) }) {
		return invalid("The address %s leads into a private network, where this server sends nothing. Give one that the internet reaches; whoever runs this server may allow private ones.", u.Hostname())
	}
	return nil
}

func (g Guard) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	resolver := g.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return resolver.LookupNetIP(ctx, "ip", host)
}

func invalid(format string, args ...any) error {
	return schema.E("check an address", schema.KindInvalid, format, args...)
}
