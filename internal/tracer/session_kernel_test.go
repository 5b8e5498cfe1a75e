//go:build linux && kernel

package tracer

import (
	"errors"
	stdnet "net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/testnet"
)

// drain returns the events that are there.
func drain(t *testing.T, s *Session) (events []Event) {
	t.Helper()
	for {
		s.SetDeadline(time.Now().Add(200 * time.Millisecond))
		e, err := s.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
}

// trace returns the packets that do sends in a net, as an expression chooses them.
func trace(t *testing.T, n *testnet.Net, expression string, do func() error) []*Packet {
	t.Helper()
	s := openWith(t, n, expression, Config{Stacks: true})
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return packetsOf(t, s)
}

// packetsOf returns the packets of a session, of which no event may be lost.
func packetsOf(t *testing.T, s *Session) []*Packet {
	t.Helper()
	var p Packets
	events := drain(t, s)
	for _, e := range events {
		p.Add(e)
	}
	counts, err := s.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if counts.Lost != 0 || counts.Chosen != uint64(len(events)) || counts.Seen < counts.Chosen {
		t.Errorf("counts %+v, %d events were read", counts, len(events))
	}
	for _, packet := range p.List() {
		var b strings.Builder
		if err := packet.WriteText(&b, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Log("\n" + b.String())
	}
	return p.List()
}

// inodeOf returns the inode of a namespace.
func inodeOf(t *testing.T, ns *testnet.Namespace) (inode string) {
	t.Helper()
	ns.Do(t, func() {
		number, err := netns.OfThread()
		if err != nil {
			t.Error(err)
		}
		inode = strconv.FormatUint(number, 10)
	})
	return inode
}

func kernelRelease(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hasTracepoint tells whether this kernel has one.
func hasTracepoint(t *testing.T, hook Hook) bool {
	t.Helper()
	types, err := kernel.LoadBTF()
	if err != nil {
		t.Fatal(err)
	}
	_, ok := types.TracepointArgs(string(hook))
	return ok
}

// inOrder tells whether some functions are among those of a packet, in that order.
func inOrder(p *Packet, want ...string) bool {
	for _, f := range p.Functions() {
		if len(want) > 0 && f == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// hooksOf returns where a packet was seen.
func hooksOf(p *Packet) (list []Hook) {
	for _, e := range p.Events {
		list = append(list, e.Hook)
	}
	return list
}

func TestDatagramsAreToldApart(t *testing.T) {
	net := testnet.New(t)
	told := hasTracepoint(t, wakes)
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			packets := trace(t, net, "udp", func() error { return testnet.SendUDP(net.Left, net.Right, f, 23, 64) })
			if len(packets) != 23 {
				t.Fatalf("%d packets, 23 were sent", len(packets))
			}
			want := []Hook{"net_dev_queue", "net_dev_start_xmit", "netif_rx", "net_dev_xmit", "netif_receive_skb"}
			for _, p := range packets {
				if diff := cmp.Diff(want, hooksOf(p)[:min(len(want), len(p.Events))]); diff != "" {
					t.Errorf("packet %d (-want +got):\n%s", p.Number, diff)
				}
				if !inOrder(p, "udp_sendmsg", "__dev_queue_xmit", "dev_hard_start_xmit", "veth_xmit", "process_backlog") &&
					!inOrder(p, "udpv6_sendmsg", "__dev_queue_xmit", "dev_hard_start_xmit", "veth_xmit", "process_backlog") {
					t.Errorf("packet %d went through %v", p.Number, p.Functions())
				}
				first, last := p.Events[0], p.Events[min(len(want), len(p.Events))-1]
				if first.Context != System || first.Process != os.Getpid() || first.Device != net.Left.Device || first.Namespace == last.Namespace {
					t.Errorf("first event %+v", first)
				}
				if last.Context != Softirq || last.Process != 0 || last.Device != net.Right.Device {
					t.Errorf("last event on the way %+v", last)
				}
				switch fate, e := p.Fate(); {
				case fate == Queued && told, fate == Unseen && !told: // not every kernel tells that it was read
				case fate == Delivered && (told || e.Process == os.Getpid()):
				default:
					t.Errorf("packet %d is %s: %+v", p.Number, fate, e)
				}
				if told {
					woken := p.Events[slices.IndexFunc(p.Events, func(e Event) bool { return e.Hook == wakes })]
					if woken.Socket == 0 || strconv.FormatUint(uint64(woken.Namespace), 10) != inodeOf(t, net.Right) {
						t.Errorf("the socket's owner is told at %+v", woken)
					}
				}
			}
		})
	}
}

func TestFatesAreTheTruth(t *testing.T) {
	net := testnet.New(t)
	t.Run("a ping is answered", func(t *testing.T) {
		packets := trace(t, net, "icmp", func() error { return testnet.Ping(net.Left, net.Right, testnet.IPv4, 1) })
		if len(packets) != 2 {
			t.Fatalf("%d packets", len(packets))
		}
		if fate, e := packets[0].Fate(); fate != Consumed || e.Function() != "icmp_rcv" {
			t.Errorf("the request is %s in %s", fate, e.Function())
		}
		if fate, _ := packets[1].Fate(); fate != Delivered || !inOrder(packets[1], "icmp_echo", "icmp_reply", "raw_recvmsg") {
			t.Errorf("the answer is %s by %v", fate, packets[1].Functions())
		}
	})
	t.Run("TCP is read", func(t *testing.T) {
		packets := trace(t, net, "tcp", func() error { return testnet.SendTCP(net.Left, net.Right, testnet.IPv4, 100) })
		if len(packets) < 7 { // three to begin, data, acknowledged, two to end
			t.Fatalf("%d packets", len(packets))
		}
		delivered := 0
		for _, p := range packets {
			if fate, e := p.Fate(); fate == Delivered {
				delivered++
				if !inOrder(p, "tcp_sendmsg", "tcp_write_xmit", "tcp_v4_rcv", "tcp_rcv_established", "tcp_recvmsg") || e.Value != 100 {
					t.Errorf("delivered %d bytes by %v", e.Value, p.Functions())
				}
			}
		}
		if delivered != 1 || !inOrder(packets[0], "tcp_v4_connect", "tcp_v4_rcv", "tcp_rcv_state_process") {
			t.Errorf("%d delivered; the first went through %v", delivered, packets[0].Functions())
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		packets := trace(t, net, "udp dst port 9", func() error {
			var err error
			net.Left.Do(t, func() {
				var c stdnet.Conn
				if c, err = stdnet.Dial("udp", netip.AddrPortFrom(net.Right.V4, 9).String()); err != nil {
					return
				}
				defer c.Close()
				_, err = c.Write([]byte("anyone?"))
			})
			return err
		})
		if len(packets) != 1 {
			t.Fatalf("%d packets", len(packets))
		}
		if fate, e := packets[0].Fate(); fate != Dropped || e.Reason != "NO_SOCKET" {
			t.Errorf("%s: %s", fate, e.Reason)
		}
	})
}

// TestFlowsAreNotMixed traces one of two flows that take turns.
func TestFlowsAreNotMixed(t *testing.T) {
	net := testnet.New(t)
	var pairs [2]*testnet.UDPPair
	for i := range pairs {
		var err error
		if pairs[i], err = testnet.NewUDPPair(net.Left, net.Right, testnet.IPv4); err != nil {
			t.Fatal(err)
		}
		defer pairs[i].Close()
	}
	port := pairs[0].Receiver.LocalAddr().(*stdnet.UDPAddr).Port
	packets := trace(t, net, "udp dst port "+strconv.Itoa(port), func() error {
		for n := range 202 {
			if _, err := pairs[n%2].Sender.Write([]byte("they look the same")); err != nil {
				return err
			}
		}
		return nil
	})
	if len(packets) != 101 {
		t.Errorf("%d packets, 101 were sent", len(packets))
	}
	for _, p := range packets {
		for _, e := range p.Events {
			if got := Summary(e.Frame); got != Summary(packets[0].Events[0].Frame) {
				t.Fatalf("packet %d: %s", p.Number, got)
			}
		}
	}
}
