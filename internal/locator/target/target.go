package target

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/packetscope/packetscope/internal/wire"
)

// The ports of targets that name none: the first that traceroute sends to, at which
// hardly anything listens, and that of HTTPS.
const (
	DefaultUDPPort = 33434
	DefaultTCPPort = 443
)

// A Target is a destination with the way to ask it.
type Target struct {
	// Host is a name in lower case, or an address.
	Host     string
	Protocol wire.Protocol
	// Port is 0 for ICMP.
	Port uint16
}

// Addr returns the address that the host is, or an invalid one if it is a name.
func (t Target) Addr() netip.Addr {
	addr, _ := netip.ParseAddr(t.Host)
	return addr
}

// String returns the target as Parse reads it, with everything that has a default.
func (t Target) String() string {
	host := t.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.Port == 0 {
		return t.Protocol.String() + "://" + host
	}
	return t.Protocol.String() + "://" + host + ":" + strconv.Itoa(int(t.Port))
}

// Parse reads a target. Without a protocol and without a port its protocol is byDefault;
// the zero value stands for ICMP.
func Parse(text string, byDefault wire.Protocol) (Target, error) {
	t, p := parse(text, byDefault)
	if p != nil {
		return Target{}, p
	}
	return t, nil
}

// A problem is what is wrong with the text of a target.
type problem struct {
	text string
	// at is the byte of the text where it is.
	at      int
	message string
	cure    string
}

// Error returns "bad target "…": message (cure)".
func (p *problem) Error() string {
	return "bad target " + quote(p.text) + ": " + p.message + " (" + p.cure + ")"
}

// quote returns a text of strangers for a message. It is cut, for it may be long.
func quote(text string) string {
	const most = 64
	if len(text) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		return strconv.QuoteToASCII(text[:cut]) + "…"
	}
	return strconv.QuoteToASCII(text)
}

var protocols = map[string]wire.Protocol{"icmp": wire.ICMP, "udp": wire.UDP, "tcp": wire.TCP}

func parse(text string, byDefault wire.Protocol) (Target, *problem) {
	var t Target
	bad := func(at int, cure, message string) (Target, *problem) {
		return Target{}, &problem{text, at, message, cure}
	}
	if text == "" {
		return bad(0, "write a name or an address", "it is empty")
	}
	rest, at := text, 0
	if scheme, after, ok := strings.Cut(text, "://"); ok {
		if t.Protocol, ok = protocols[strings.ToLower(scheme)]; !ok {
			return bad(0, "begin with icmp://, udp:// or tcp://, or with the host", "unknown protocol "+quote(scheme))
		}
		rest, at = after, len(scheme)+len("://")
	}
	if i := strings.IndexAny(rest, "/?#@"); i >= 0 {
		return bad(at+i, "write host and port alone, such as tcp://example.com:443", quote(rest[i:i+1])+" has no place in a target")
	}
	host, port, hasPort, ok := splitPort(rest)
	if !ok {
		return bad(at, "write [2001:db8::1] or [2001:db8::1]:443", "bad brackets")
	}
	hostAt := at + strings.Index(rest, host)
	if message, cure := checkHost(host); message != "" {
		return bad(hostAt, cure, message)
	}
	t.Host = strings.ToLower(host)
	if addr := t.Addr(); addr.IsValid() {
		t.Host = addr.String()
	}
	if !hasPort {
		return t.withDefaults(byDefault), nil
	}
	portAt := at + len(rest) - len(port)
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || n == 0 || port[0] == '+':
		return bad(portAt, "write a number from 1 to 65535", "bad port "+quote(port))
	case t.Protocol == wire.ICMP:
		return bad(portAt, "leave the port out, or write udp:// or tcp://", "ICMP has no ports")
	}
	t.Port, t.Protocol = uint16(n), cmp.Or(t.Protocol, wire.TCP)
	return t, nil
}

// withDefaults returns a target without a port with that of its protocol.
func (t Target) withDefaults(byDefault wire.Protocol) Target {
	t.Protocol = cmp.Or(t.Protocol, byDefault, wire.ICMP)
	switch t.Protocol {
	case wire.UDP:
		t.Port = DefaultUDPPort
	case wire.TCP:
		t.Port = DefaultTCPPort
	}
	return t
}

// splitPort splits "host:port" and "[address]:port". A text with several colons and
// without brackets is an address of IPv6 alone.
func splitPort(text string) (host, port string, hasPort, ok bool) {
	if after, bracketed := strings.CutPrefix(text, "["); bracketed {
		host, rest, closed := strings.Cut(after, "]")
		port, hasPort = strings.CutPrefix(rest, ":")
		return host, port, hasPort, closed && strings.Contains(host, ":") && (rest == "" || hasPort)
	}
	if strings.Count(text, ":") != 1 {
		return text, "", false, !strings.ContainsAny(text, "[]")
	}
	host, port, _ = strings.Cut(text, ":")
	return host, port, true, !strings.ContainsAny(text, "[]")
}
