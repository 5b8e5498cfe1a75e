//go:build kernel && linux

package guarder

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// TestChangesThatEndLeaveNothingOpen has the kernel tell more than is read: somebody on the
// link can have it do so by the neighbour table, as often as he likes.
func TestChangesThatEndLeaveNothingOpen(t *testing.T) {
	l := newLab(t)
	open := func() int {
		t.Helper()
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	l.net.Right.Do(t, func() {
		device, err := netlink.LinkByName(l.net.Right.Device)
		if err != nil {
			t.Fatal(err)
		}
		before := open()
		for range 3 {
			c := (&Engine{logger: quiet}).deviceChanges()
			if c.from == nil {
				t.Fatal("nothing is told")
			}
			for i := range 3000 {
				if err := netlink.LinkSetAlias(device, fmt.Sprint("alias ", i)); err != nil {
					t.Fatal(err)
				}
			}
			told := 0
			for range c.from {
				told++
			}
			if told >= 3000 {
				t.Fatalf("%d changes were told: the test does not overrun the socket", told)
			}
			c.end()
		}
		until(t, func() bool { return open() <= before })
	})
}

// TestAddressIsOwnAsSoonAsItComes has an agent that looks by itself no more.
func TestAddressIsOwnAsSoonAsItComes(t *testing.T) {
	l := newLab(t)
	l.config.every = time.Hour
	l.write(t, "audit", "")
	e := l.open(t)
	late := netip.MustParseAddr("192.0.2.77")
	for _, change := range []struct {
		of  func(netlink.Link, *netlink.Addr) error
		own bool
	}{{netlink.AddrAdd, true}, {netlink.AddrDel, false}} {
		if err := l.do(t, func() error {
			device, err := netlink.LinkByName(l.net.Right.Device)
			if err != nil {
				return err
			}
			return change.of(device, &netlink.Addr{IPNet: &net.IPNet{IP: late.AsSlice(), Mask: net.CIDRMask(32, 32)}})
		}); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool {
			time.Sleep(5 * time.Millisecond) // the engine needs the lock too
			e.mu.Lock()
			defer e.mu.Unlock()
			return slices.Contains(e.current.own, late) == change.own
		})
	}
}
