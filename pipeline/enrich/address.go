package enrich

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// Limits of what is read from a URL, so that one hit costs no more than
// another. A page with more parameters than this is no campaign's page.
const (
	maxParameters = 1000
	maxValue      = 512 // bytes of a UTM value or a click id
)

// address is a URL in parts, as far as it has them. Nothing is decoded.
type address struct {
	scheme string
	host   string // lower case, without user, port, www. and final dot
	path   string
	query  string
}

// split takes a URL apart without judging it: browsers and redirects send
// URLs that net/url refuses.
func split(raw string) address {
	raw, _, _ = strings.Cut(raw, "#")
	rest, query, _ := strings.Cut(raw, "?")
	scheme, rest, ok := strings.Cut(rest, "://")
	if !ok {
		return address{query: query}
	}
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/\\"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	return address{scheme: strings.ToLower(scheme), host: plainHost(authority), path: path, query: query}
}

func plainHost(authority string) string {
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		authority = authority[:i]
	}
	return strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(authority), "."), "www.")
}

// inside tells whether a host is a domain or one of its subdomains.
func inside(host, domain string) bool {
	return host == domain ||
		len(host) > len(domain) && host[len(host)-len(domain)-1] == '.' && strings.HasSuffix(host, domain)
}

// eachParameter calls f with the parameters of a query in their order, the
// values undecoded, until f returns false.
func eachParameter(query string, f func(key, value string) bool) {
	for n := 0; query != "" && n < maxParameters; n++ {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if !f(key, value) {
			return
		}
	}
}

// parameter finds the first parameter of a name that has a value.
func parameter(query, name string) (string, bool) {
	found := ""
	eachParameter(query, func(key, value string) bool {
		if key == name {
			found = value
		}
		return found == ""
	})
	return found, found != ""
}

// decode undoes percent-encoding, trims, and strips what no report should show.
// What is broken, or not text once decoded, is kept as it was written.
func decode(raw string) string {
	text, err := url.QueryUnescape(raw)
	if err != nil || !utf8.ValidString(text) {
		text = strings.ToValidUTF8(raw, "\uFFFD")
	}
	return cut(strings.TrimSpace(strings.Map(printable, text)), maxValue)
}

// printable drops control characters.
func printable(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

// cut shortens text to at most n bytes, at the border of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
