package host

import (
	"bufio"
	"fmt"
	"net/netip"
	"strings"
)

// parseResolvers reads the name servers of a resolv.conf (resolv.conf(5)), each
// once. An entry that is no address is an error; the others are returned all the
// same. A file without entries means the server on this machine.
func parseResolvers(text string) ([]netip.Addr, error) {
	var found []netip.Addr
	var fault error
	seen := make(map[netip.Addr]bool)
	lines := bufio.NewScanner(strings.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(words[1])
		if err != nil {
			fault = fmt.Errorf("resolv.conf:%d: %q is no address", number, words[1])
			continue
		}
		if addr = addr.WithZone("").Unmap(); !seen[addr] {
			seen[addr] = true
			found = append(found, addr)
		}
	}
	if err := lines.Err(); err != nil {
		return found, fmt.Errorf("resolv.conf: %w", err)
	}
	if len(found) == 0 && fault == nil {
		found = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return found, fault
}
