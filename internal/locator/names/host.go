package names

import (
	"slices"
	"strings"
)

// maxHost is how many characters of a name are told, as many as labels of metrics have.
const maxHost = 64

// cut stands for what was left out of a name. No host name has it.
const cut = "…"

// host returns a name of DNS as a host name (RFC 1123, and "_", which routers' names have),
// or "" if it is none. Of a long one the end is told, after cut: it says whose name it is,
// and is what a stranger cannot choose freely.
func host(name string) string {
	name = strings.TrimSuffix(name, ".")
	// Only ASCII has small letters that mean the same.
	small := []byte(name)
	for i, b := range small {
		if 'A' <= b && b <= 'Z' {
			small[i] = b - 'A' + 'a'
		}
	}
	name = string(small)
	labels := strings.Split(name, ".")
	// What ends with a number looks like an address, and is no name in any domain.
	if len(name) > 253 || !slices.ContainsFunc([]byte(labels[len(labels)-1]), letter) {
		return ""
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || slices.ContainsFunc([]byte(label), foreign) {
			return ""
		}
	}
	if len(name) > maxHost {
		return cut + name[len(name)-maxHost+1:]
	}
	return name
}

func letter(b byte) bool { return 'a' <= b && b <= 'z' }

func foreign(b byte) bool {
	return !letter(b) && !('0' <= b && b <= '9') && b != '-' && b != '_'
}

// pick returns the first in the alphabet of the host names, or "": servers tell several in
// any order.
func pick(all []string) string {
	var hosts []string
	for _, name := range all {
		if h := host(name); h != "" {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return ""
	}
	return slices.Min(hosts)
}
