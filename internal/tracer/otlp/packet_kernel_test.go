//go:build linux && kernel

package otlp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/filter"
)

// TestRealPacketsBecomeTraces sends a datagram that nobody wants and a segment that is read, and
// looks at what a receiver gets of them.
func TestRealPacketsBecomeTraces(t *testing.T) {
	n := testnet.New(t)
	var inode uint64
	n.Left.Do(t, func() {
		var err error
		if inode, err = netns.OfThread(); err != nil {
			t.Error(err)
		}
	})
	f, err := filter.Compile(fmt.Sprintf("netns %d and (tcp or udp)", inode), filter.Names{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := tracer.Open(tracer.Config{Filter: f, Stacks: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := time.Now()
	if err := testnet.SendTCP(n.Left, n.Right, testnet.IPv4, 100); err != nil {
		t.Fatal(err)
	}
	n.Left.Do(t, func() {
		c, err := net.Dial("udp", netip.AddrPortFrom(n.Right.V4, 9).String())
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, err := c.Write([]byte("anyone?")); err != nil {
			t.Error(err)
		}
	})
	var p tracer.Packets
	for {
		s.SetDeadline(time.Now().Add(200 * time.Millisecond))
		e, err := s.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Add(e)
	}
	after := time.Now()
	r := newReceiver(t)
	b := start(t, r.URL)
	for _, packet := range p.List() {
		b.Put(packet)
	}
	b.check(t, Outcomes{Sent: uint64(len(p.List()))})
	traces := r.traces()
	if len(traces) != len(p.List()) {
		t.Errorf("%d traces of %d packets", len(traces), len(p.List()))
	}
	fates := map[string]int{}
	for _, spans := range traces {
		root := spans[0]
		t.Log("\n" + outline(spans))
		got := values(root.Attributes)
		fates[fmt.Sprint(root.Name, " ", got["packetscope.fate"], " ", got["error.type"])]++
		const slack = 50 * time.Millisecond // the clocks are read at different times
		if from, to := time.Unix(0, int64(root.StartTimeUnixNano)), time.Unix(0, int64(root.EndTimeUnixNano)); from.Before(before.Add(-slack)) || to.After(after.Add(slack)) {
			t.Errorf("it lasts from %v to %v, which is not within %v and %v", from, to, before, after)
		}
		if got["network.type"] != "ipv4" || got["source.address"] == nil || got["destination.port"] == nil {
			t.Errorf("attributes %v", got)
		}
	}
	device := n.Left.Device
	if fates["UDP transmit "+device+" dropped NO_SOCKET"] != 1 || fates["TCP transmit "+device+" delivered <nil>"] != 1 {
		t.Errorf("fates %v", fates)
	}
}
