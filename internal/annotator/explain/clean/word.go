package clean

import (
	"net/netip"
	"regexp"
	"strings"
)

var (
	word = regexp.MustCompile(`^_{0,2}[A-Za-z0-9]+(?:[_/-][A-Za-z0-9]+)*(?:\.[0-9]{1,4})?$`)
	name = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)
)

// The most that a word may be. Names of rules and of reasons for drops are shorter; with
// more, a name can carry a sentence.
const (
	mostWord  = 40
	mostParts = 5
)

// IsWord tells whether a value has the form of a name that programs give: letters and
// digits with single dashes, such as NO_SOCKET, eth0.100 or forged-icmp.
func IsWord(s string) bool {
	return len(s) <= mostWord && word.MatchString(s) && strings.Count(s, "_")+strings.Count(s, "-")+strings.Count(s, "/") < mostParts
}

// likeAddress finds three numbers in a row.
var likeAddress = regexp.MustCompile(`[0-9]+[._/-][0-9]+[._/-][0-9]+`)

// LikeAddress tells whether a word could have an address in it, as those have that are made
// of one: block_10_0_0_5.
func LikeAddress(word string) bool { return likeAddress.MatchString(word) }

// IsHost tells whether a value has the form of a host: a name or an address, with or
// without a port.
func IsHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return !strings.Contains(s, "%")
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().Zone() == ""
	}
	if host, port, ok := strings.Cut(s, ":"); ok {
		if len(port) == 0 || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
		s = host
	}
	return len(s) <= 253 && name.MatchString(s)
}

// IsNetwork tells whether a value is an address or a prefix.
func IsNetwork(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == ""
	}
	_, err := netip.ParsePrefix(s)
	return err == nil
}
