//go:build kernel && linux

package testnet

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netns"
)

func TestLoadsAreExact(t *testing.T) {
	for name, make := range map[string]func(testing.TB) *Net{"direct": New, "routed": NewRouted} {
		for _, f := range Families {
			t.Run(name+"/"+f.String(), func(t *testing.T) {
				n := make(t)
				expect(t, "before the load", n, 0, 0)
				if err := SendUDP(n.Left, n.Right, f, 23, 64); err != nil {
					t.Fatal(err)
				}
				expect(t, "after 23 datagrams to the right", n, 23, 0)
				if err := SendUDP(n.Right, n.Left, f, 7, 64); err != nil {
					t.Fatal(err)
				}
				expect(t, "after 7 datagrams to the left", n, 23, 7)
				if err := Ping(n.Left, n.Right, f, 5); err != nil {
					t.Fatal(err)
				}
				expect(t, "after 5 pings", n, 28, 12)
			})
		}
	}
}

// expect compares the packets seen by the devices of both ends with the number
// that went to the right and to the left.
func expect(t *testing.T, when string, n *Net, right, left uint64) {
	t.Helper()
	var got, want [4]uint64
	got[0], got[1] = n.Left.Packets(t)
	got[2], got[3] = n.Right.Packets(t)
	want = [4]uint64{left, right, right, left}
	if got != want {
		t.Errorf("%s: left received, sent, right received, sent %d packets, want %d", when, got, want)
	}
}

func TestSendTCP(t *testing.T) {
	n := New(t)
	for _, f := range Families {
		t.Run(f.String(), func(t *testing.T) {
			if err := SendTCP(n.Left, n.Right, f, 100_003); err != nil {
				t.Fatal(err)
			}
		})
	}
	if _, sent := n.Left.Packets(t); sent == 0 {
		t.Error("the transfer did not pass the veth device")
	}
}

func TestDoComesHome(t *testing.T) {
	n := New(t)
	home := own(t)
	var inside string
	var interfaces []net.Interface
	n.Left.Do(t, func() {
		inside = own(t)
		interfaces, _ = net.Interfaces()
	})
	if inside == home {
		t.Error("Do ran outside the namespace")
	}
	if len(interfaces) != 2 {
		t.Errorf("the namespace has devices %v, want loopback and one veth", interfaces)
	}
	if got := own(t); got != home {
		t.Errorf("after Do the thread is in %s, want %s", got, home)
	}
}

func TestDoComesHomeWhenTheTestFails(t *testing.T) {
	n := New(t)
	home := own(t)
	here := make(chan string)
	go func() {
		// A test that fails ends its goroutine in the middle of Do. Locked, so
		// that the deferred call looks at the same thread.
		runtime.LockOSThread()
		defer func() { here <- own(t) }()
		n.Left.Do(t, runtime.Goexit)
	}()
	if got := <-here; got != home {
		t.Errorf("the thread is in %s, want %s", got, home)
	}
}

func TestPinGivesANameWhileTheTestRuns(t *testing.T) {
	var path string
	t.Run("pinned", func(t *testing.T) {
		n := New(t)
		path = n.Left.Pin(t)
		ns, err := netns.GetFromPath(path)
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		if !ns.Equal(n.Left.fd) {
			t.Errorf("%s is %v, want %v", path, ns, n.Left.fd)
		}
	})
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("%s is still there after the test: %v", path, err)
	}
	// A test that was killed leaves its own behind.
	if left, _ := filepath.Glob(fmt.Sprintf("/run/netns/packetscope-test-%d-*", os.Getpid())); len(left) > 0 {
		t.Errorf("leftovers %v", left)
	}
}

// own names the network namespace of the calling thread.
func own(t *testing.T) string {
	t.Helper()
	ns, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	return ns.UniqueId()
}
