//go:build linux

package network

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// Hosts without IPv6 say so when a socket is opened.
func TestAMissingFamilyIsSaid(t *testing.T) {
	none := ipv6
	none.number = unix.AF_MAX
	if f, err := openRawFamily(none, wire.Filter{}); f != nil || !errors.Is(err, unix.EAFNOSUPPORT) {
		t.Errorf("got %v, %v", f, err)
	}
}
