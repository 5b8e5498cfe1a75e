//go:build kernel && linux

package testnet

import (
	"net"
	"testing"
	"time"
)

func TestShapedDeviceKeepsItsRate(t *testing.T) {
	// 11 frames of 1,042 bytes at 100,000 bytes per second. The burst of 1,514
	// lets the first through at once, the others take 10.42 ms each.
	const rate, count, size = 100_000, 11, 1000
	shapers := map[string]func(*Namespace, testing.TB){
		"tbf": func(ns *Namespace, t testing.TB) { ns.ShapeTBF(t, rate, 1<<20) },
		"htb": func(ns *Namespace, t testing.TB) { ns.ShapeHTB(t, rate) },
	}
	for name, shape := range shapers {
		t.Run(name, func(t *testing.T) {
			n := New(t)
			shape(n.Left, t)
			got := burst(t, n, count, size)
			// A busy machine is late, but not by that much.
			if least, most := 85*time.Millisecond, max(time.Second, Margin(250*time.Millisecond)); got < least || got > most {
				t.Errorf("burst took %v, want about 100 ms (%v to %v)", got, least, most)
			}
		})
	}
}

// burst sends datagrams without waiting and returns the time until all are read.
func burst(t *testing.T, n *Net, count, size int) time.Duration {
	t.Helper()
	p, err := NewUDPPair(n.Left, n.Right, IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	buffer := make([]byte, size)
	start := time.Now()
	for range count {
		if _, err := p.Sender.Write(buffer); err != nil {
			t.Fatal(err)
		}
	}
	for range count {
		if _, err := p.Receiver.Read(buffer); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(start)
}

func TestUnshapeRemovesTheQueue(t *testing.T) {
	n := New(t)
	n.Left.ShapeTBF(t, 1000, 1<<20) // a second and more for each frame
	n.Left.Unshape(t)
	if got := burst(t, n, 11, 1000); got > max(3*time.Second, Margin(500*time.Millisecond)) {
		t.Errorf("burst took %v", got)
	}
}

func TestDelay(t *testing.T) {
	n := New(t)
	n.Left.Delay(t, 30*time.Millisecond)
	if got := burst(t, n, 3, 100); got < 30*time.Millisecond {
		t.Errorf("datagrams took %v, want at least 30 ms", got)
	}
}

func TestDropUDP(t *testing.T) {
	n := New(t)
	for _, f := range Families {
		t.Run(f.String(), func(t *testing.T) {
			p, err := NewUDPPair(n.Left, n.Right, f)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			port := p.Receiver.LocalAddr().(*net.UDPAddr).Port
			dropper := n.Right.DropUDP(t, uint16(port))
			before := dropper.Packets(t)
			for range 13 {
				if _, err := p.Sender.Write([]byte("lost")); err != nil {
					t.Fatal(err)
				}
			}
			// A ping takes the same way, so it is answered after all of them
			// have been handled, and shows that nothing else is dropped.
			if err := Ping(n.Left, n.Right, f, 1); err != nil {
				t.Fatal(err)
			}
			if got := dropper.Packets(t) - before; got != 13 {
				t.Errorf("dropped %d datagrams, want 13", got)
			}
			if err := SendUDP(n.Left, n.Right, f, 3, 10); err != nil {
				t.Errorf("another port: %v", err)
			}
		})
	}
}
