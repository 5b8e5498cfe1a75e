//go:build kernel && linux

package guarder

import (
	"fmt"
	"os"
	"testing"

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
