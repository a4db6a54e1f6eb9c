package collect

import (
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/labstack/echo/v4"
)

// origin is where a request came from. It lives as long as the request.
type origin struct {
	addr    netip.Addr
	country string // what a trusted proxy says, or ""
}

// trust knows the proxies whose headers are believed.
type trust struct {
	proxies   []netip.Prefix
	extractor echo.IPExtractor
	header    string // that names the country
}

func newTrust(proxies []netip.Prefix, header string) *trust {
	t := &trust{proxies: proxies, extractor: echo.ExtractIPDirect(), header: http.CanonicalHeaderKey(header)}
	if len(proxies) == 0 {
		return t
	}
	// echo believes loopback and private networks unless told not to.
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		_, network, err := net.ParseCIDR(p.Masked().String())
		if err == nil {
			options = append(options, echo.TrustIPRange(network))
		}
	}
	t.extractor = echo.ExtractIPFromXFFHeader(options...)
	return t
}

// origin reads the client's address: the peer's, unless the peer is a trusted
// proxy; then the last address in X-Forwarded-For that no trusted proxy wrote
// for itself.
func (t *trust) origin(r *http.Request) origin {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return origin{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	if !t.trusts(addr) {
		return origin{addr: addr}
	}
	o := origin{addr: addr}
	if real, err := netip.ParseAddr(t.extractor(r)); err == nil {
		o.addr = real.Unmap().WithZone("")
	}
	if t.header != "" {
		o.country = r.Header.Get(t.header)
	}
	return o
}

func (t *trust) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(t.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// limitKey is what an address is limited by: itself, or its /64 in IPv6, which
// is what one household or one machine has. It is "" for the machine we run
// on, which is the operator's.
func (o origin) limitKey() string {
	switch {
	case !o.addr.IsValid() || o.addr.IsLoopback():
		return ""
	case o.addr.Is4():
		b := o.addr.As4()
		return string(b[:])
	}
	b := o.addr.As16()
	return string(b[:8])
}
