package target

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/packetscope/packetscope/internal/geo"
)

// The longest name and the longest part of one, in the form with dots (RFC 1035 section
// 2.3.4: 255 bytes with the lengths, of which two are the first and that of the root).
const (
	maxName  = 253
	maxLabel = 63
)

// checkHost returns what is wrong with a host and how to put it right, or "".
func checkHost(host string) (message, cure string) {
	switch {
	case host == "":
		return "there is no host", "write a name or an address"
	case len(host) > maxName:
		return fmt.Sprintf("a host of %d bytes", len(host)), fmt.Sprintf("names have at most %d", maxName)
	case strings.HasPrefix(host, "-"):
		return "a host that begins with a hyphen", "options have no place here"
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return checkAddr(addr)
	}
	if strings.Contains(host, ":") {
		return "bad address " + quote(host), "write one such as 2001:db8::1"
	}
	return checkName(host)
}

// checkAddr returns what keeps an address from being that of a destination, or "".
func checkAddr(addr netip.Addr) (message, cure string) {
	switch {
	case addr.Zone() != "":
		return "an address with a zone", "its neighbours on a link need no path; leave it out"
	case addr.Is4In6():
		return "an IPv4 address inside IPv6", "write " + addr.Unmap().String()
	case !probeable(addr):
		return fmt.Sprintf("the address is %s", geo.KindOf(addr)), "name one host"
	}
	return "", ""
}

// probeable reports whether one host can have an address.
func probeable(addr netip.Addr) bool {
	switch geo.KindOf(addr) {
	case geo.Invalid, geo.Unspecified, geo.Multicast, geo.Broadcast:
		return false
	}
	return true
}

// checkName returns what is wrong with a name, or "".
func checkName(name string) (message, cure string) {
	if i := strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError || unicode.IsControl(r):
			return "a control character, or no UTF-8", "use letters, digits, dots, hyphens and underscores"
		case r > unicode.MaxASCII:
			return fmt.Sprintf("%q is no letter of ASCII", r), "write the name as the DNS has it: xn--…"
		}
		return fmt.Sprintf("%q has no place in a name", r), "use letters, digits, dots, hyphens and underscores"
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, label := range labels {
		switch {
		case label == "":
			return "a name with an empty part", "write one dot between parts"
		case len(label) > maxLabel:
			return fmt.Sprintf("a part of %d bytes", len(label)), fmt.Sprintf("parts of names have at most %d", maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return "a part that begins or ends with a hyphen", "see RFC 1123 section 2.1"
		}
	}
	// Some resolvers read 127.1 and 0x7f000001 as addresses, and some do not.
	if numeric(strings.ToLower(labels[len(labels)-1])) {
		return "neither an address nor a name, whose last part is no number", "write all four parts of an address, such as 192.0.2.1"
	}
	return "", ""
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
}

// numeric reports whether a part of a name is a number.
func numeric(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	return strings.Trim(digits, "0123456789") == "" || hex && strings.Trim(digits, "0123456789abcdef") == ""
}
