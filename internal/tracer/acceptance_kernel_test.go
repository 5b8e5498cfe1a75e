//go:build linux && kernel

package tracer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// wayFunctions are those that a packet meets on its way, whatever it is, and fewWayFunctions
// some, as each takes a program: Linux 6.1 loads one in 1 s, in an emulated machine.
var (
	wayFunctions    = regexp.MustCompile(`^_*(ip|ip6|ipv6|ip4|dev|udp|udp4|udp6|udpv6|tcp|icmp|raw|netif|veth|napi|nf|nft)_`)
	fewWayFunctions = regexp.MustCompile(`^(__ip_local_out|ip_output|ip_rcv|ip_forward|ip_local_deliver|ip6_output|ip6_forward|udp_rcv|tcp_v4_rcv|icmp_rcv|veth_xmit|skb_consume_udp)$`)
)

// eachWay runs a test with stacks alone, and with functions by each means of this kernel too.
func eachWay(t *testing.T, test func(*testing.T, Config)) {
	t.Run("stacks", func(t *testing.T) { test(t, Config{Stacks: true}) })
	eachMeans(t, func(t *testing.T, m means) {
		c := Config{Stacks: true, Functions: wayFunctions, attach: &m}
		if m == byEntries {
			if testnet.InVM() && haveProbes() == nil {
				t.Skip("this machine has fprobes, and is too slow for both")
			}
			c.Functions = fewWayFunctions
		}
		test(t, c)
	})
}

// onWay traces what do sends.
func onWay(t *testing.T, n *testnet.Net, expression string, c Config, do func() error) []*Packet {
	t.Helper()
	s := openWith(t, n, expression, c)
	if err := do(); err != nil {
		t.Fatal(err)
	}
	packets := packetsOf(t, s)
	for _, missing := range s.Missing() {
		t.Log(missing.Hook, missing.Reason)
	}
	if c.Functions != nil && !slices.ContainsFunc(packets, func(p *Packet) bool {
		return slices.ContainsFunc(p.Events, func(e Event) bool { return e.Func != "" })
	}) {
		t.Error("no function began")
	}
	return packets
}

// datagram sends one from left, which nobody may be there to read.
func datagram(t *testing.T, from *testnet.Namespace, to netip.AddrPort, payload int) error {
	t.Helper()
	var err error
	from.Do(t, func() {
		var c stdnet.Conn
		if c, err = stdnet.Dial("udp", to.String()); err == nil {
			_, err = c.Write(make([]byte, payload))
			err = errors.Join(err, c.Close())
		}
	})
	return err
}

// ends checks what became of a packet, and by which functions; "" is any reason.
func ends(t *testing.T, p *Packet, fate Fate, reason string, functions ...string) {
	t.Helper()
	got, e := p.Fate()
	if got != fate || reason != "" && e.Reason != reason {
		t.Errorf("packet %d is %s in %s %s, it should be %s %s", p.Number, got, e.Function(), e.Reason, fate, reason)
	}
	if !inOrder(p, functions...) {
		t.Errorf("packet %d went through %v, which has not %v", p.Number, p.Functions(), functions)
	}
}

func TestForwardedPacketsAreOne(t *testing.T) {
	n := testnet.NewRouted(t)
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			eachWay(t, func(t *testing.T, c Config) {
				packets := onWay(t, n, "udp", c, func() error { return testnet.SendUDP(n.Left, n.Right, f, 2, 64) })
				if len(packets) != 2 {
					t.Fatalf("%d packets, 2 were sent", len(packets))
				}
				for _, p := range packets {
					var devices []string
					for _, e := range p.Events {
						if e.Device != "" && (len(devices) == 0 || devices[len(devices)-1] != e.Device) {
							devices = append(devices, e.Device)
						}
					}
					if got := strings.Join(devices, " "); got != "left0 router0 router1 right0" {
						t.Errorf("packet %d was at %s", p.Number, got)
					}
					want := []string{"veth_xmit", "process_backlog", "ip_forward", "ip_output", "__dev_queue_xmit", "veth_xmit"}
					if f == testnet.IPv6 {
						want[2], want[3] = "ip6_forward", "ip6_output"
					}
					if c.Functions == nil { // it is left by a jump
						want = slices.Delete(want, 2, 3)
					}
					if !inOrder(p, want...) {
						t.Errorf("packet %d went through %v, which has not %v", p.Number, p.Functions(), want)
					}
				}
			})
		})
	}
}

func TestPingsAreAnswered(t *testing.T) {
	n := testnet.New(t)
	eachWay(t, func(t *testing.T, c Config) {
		packets := onWay(t, n, "icmp", c, func() error { return testnet.Ping(n.Left, n.Right, testnet.IPv4, 1) })
		if len(packets) != 2 {
			t.Fatalf("%d packets", len(packets))
		}
		ends(t, packets[0], Consumed, "", "veth_xmit", "process_backlog", "icmp_rcv")
		ends(t, packets[1], Delivered, "", "icmp_echo", "icmp_reply", "veth_xmit", "icmp_rcv", "raw_recvmsg")
	})
}

func TestDropsAreToldWithTheirPlace(t *testing.T) {
	n := testnet.New(t)
	eachWay(t, func(t *testing.T, c Config) {
		for _, drop := range []struct {
			where string
			at    *testnet.Namespace
			port  uint16
			way   []string
		}{
			{"output", n.Left, 9, []string{"udp_sendmsg"}},
			{"input", n.Right, 10, []string{"udp_sendmsg", "veth_xmit", "process_backlog"}},
		} {
			t.Run("nftables at "+drop.where, func(t *testing.T) {
				if drop.where == "input" {
					drop.at.DropUDP(t, drop.port)
				} else {
					drop.at.DropUDPBefore(t, drop.where, drop.port)
				}
				packets := onWay(t, n, fmt.Sprint("udp dst port ", drop.port), c, func() error {
					err := datagram(t, n.Left, netip.AddrPortFrom(n.Right.V4, drop.port), 100)
					if errors.Is(err, unix.EPERM) {
						err = nil // its sender is told
					}
					return err
				})
				if len(packets) != 1 {
					t.Fatalf("%d packets", len(packets))
				}
				ends(t, packets[0], Dropped, "NETFILTER_DROP", drop.way...)
			})
		}
		t.Run("a full socket", func(t *testing.T) {
			p, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := p.Receiver.SetReadBuffer(1); err != nil {
				t.Fatal(err)
			}
			packets := onWay(t, n, "udp", c, func() error {
				for range 23 {
					if _, err := p.Sender.Write(make([]byte, 1000)); err != nil {
						return err
					}
				}
				return nil
			})
			if len(packets) != 23 {
				t.Fatalf("%d packets, 23 were sent", len(packets))
			}
			last := packets[22]
			ends(t, last, Dropped, "SOCKET_RCVBUFF", "udp_sendmsg", "veth_xmit", "process_backlog")
			types, err := kernel.LoadBTF()
			if err != nil {
				t.Fatal(err)
			}
			// On older kernels the tracepoint does not have the packet.
			if n, _ := types.TracepointArgs("udp_fail_queue_rcv_skb"); n == 3 && !slices.ContainsFunc(last.Events, func(e Event) bool {
				return e.Hook == "udp_fail_queue_rcv_skb" && e.Detail() == fmt.Sprint("error ", int(unix.ENOMEM))
			}) {
				t.Errorf("the last was seen at %v", hooksOf(last))
			}
		})
	})
}

func TestFragmentsAreMergedAndDelivered(t *testing.T) {
	n := testnet.New(t)
	eachWay(t, func(t *testing.T, c Config) {
		packets := onWay(t, n, "udp", c, func() error { return testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 1, 4000) })
		bytes, wholes, fates := 0, 0, make(map[Fate]int)
		for _, p := range packets {
			// The whole datagram is seen by functions, before and behind the fragments, if it is
			// not the first of them.
			at := slices.Index(hooksOf(p), "net_dev_queue")
			if c.Functions != nil && at < 0 {
				wholes++
				if !inOrder(p, "ip_output") && !inOrder(p, "udp_rcv") {
					t.Errorf("the whole, packet %d, went through %v", p.Number, p.Functions())
				}
				continue
			}
			fate, _ := p.Fate()
			fates[fate]++
			if at >= 0 {
				bytes += p.Events[at].Length - 34
			}
			if !inOrder(p, "udp_sendmsg", "ip_do_fragment", "veth_xmit", "process_backlog") {
				t.Errorf("packet %d went through %v", p.Number, p.Functions())
			}
		}
		// The others become parts of the first one, which goes on as the whole, and are freed with
		// it at the latest.
		if whole := 3 - fates[Merged] - fates[Delivered]; whole != fates[Queued] && (whole != fates[Unseen] || hasTracepoint(t, wakes)) || whole > 1 {
			t.Errorf("fates %v", fates)
		}
		if len(packets)-wholes != 3 || bytes != 4008 || wholes > 2 {
			t.Errorf("%d packets of %d bytes, 3 of 4008 were sent; %d were the whole datagram", len(packets)-wholes, bytes, wholes)
		}
	})
}

func TestSegmentsAreCounted(t *testing.T) {
	const size = 20_000
	n := testnet.New(t)
	eachWay(t, func(t *testing.T, c Config) {
		packets := onWay(t, n, "tcp", c, func() error { return testnet.SendTCP(n.Left, n.Right, testnet.IPv4, size) })
		bytes, most := 0, 0
		for _, p := range packets {
			fate, e := p.Fate()
			if fate == Dropped && !e.purged() {
				t.Errorf("packet %d is dropped: %s", p.Number, e.Reason)
			}
			if fate == Delivered {
				bytes += e.Length - 66
				most = max(most, e.Segments)
				// What acknowledgements let go is sent by a softirq; and where tcp_v4_rcv leaves a
				// packet in the backlog of its socket, no tracepoint sees it there.
				want := []string{"tcp_write_xmit", "veth_xmit", "tcp_recvmsg"}
				if c.Functions != nil {
					want = slices.Insert(want, 2, "tcp_v4_rcv")
				}
				if !inOrder(p, want...) {
					t.Errorf("packet %d went through %v", p.Number, p.Functions())
				}
			}
		}
		if bytes != size || most < 2 {
			t.Errorf("%d bytes were delivered, %d were sent; at most %d segments were one packet", bytes, size, most)
		}
	})
}

// TestTapsAreToldApart has packet sockets read clones of a packet.
func TestTapsAreToldApart(t *testing.T) {
	n := testnet.New(t)
	wires := []*testnet.Wire{n.Left.Wire(t), n.Right.Wire(t)}
	eachWay(t, func(t *testing.T, c Config) {
		const payload = 77
		packets := onWay(t, n, "udp", c, func() error {
			if err := datagram(t, n.Left, netip.AddrPortFrom(n.Right.V4, 9), payload); err != nil {
				return err
			}
			for _, w := range wires {
				if _, err := w.Receive(func(frame []byte) bool { return len(frame) == 14+20+8+payload }); err != nil {
					return err
				}
			}
			return nil
		})
		if len(packets) != 1 {
			t.Fatalf("%d packets, though clones are none of their own", len(packets))
		}
		p := packets[0]
		ends(t, p, Dropped, "NO_SOCKET", "udp_sendmsg", "process_backlog", "packet_recvmsg")
		original, clones := p.Events[0].Descriptor, make(map[uint64]bool)
		for _, e := range p.Events {
			if e.Hook != "skb_copy_datagram_iovec" {
				continue
			}
			clones[e.Descriptor] = true
			if e.Descriptor == original || e.Family != unix.AF_PACKET {
				t.Errorf("read was %+v", e)
			}
		}
		if len(clones) != 2 {
			t.Errorf("%d clones were read, by 2 sockets", len(clones))
		}
	})
}

// TestFlowsAreNotMixedUnderLoad has softirqs interrupt tasks, all of which look at packets, on
// all CPUs, and compares the packets of a flow with what was sent.
func TestFlowsAreNotMixedUnderLoad(t *testing.T) {
	n := testnet.New(t)
	var pairs [4]*testnet.UDPPair
	for i := range pairs {
		var err error
		if pairs[i], err = testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4); err != nil {
			t.Fatal(err)
		}
		defer pairs[i].Close()
	}
	eachWay(t, func(t *testing.T, c Config) {
		sent := 301
		if testnet.InVM() && c.Functions != nil {
			sent = 61 // as many events as are read in time there
		}
		port := pairs[0].Receiver.LocalAddr().(*stdnet.UDPAddr).Port
		text := []byte("the flow that is traced")
		packets := onWay(t, n, "udp dst port "+strconv.Itoa(port), c, func() error {
			ctx, stop := context.WithCancel(t.Context())
			var others sync.WaitGroup
			for _, p := range pairs[1:] {
				others.Go(func() {
					for ctx.Err() == nil {
						p.Sender.Write([]byte("another flow altogether"))
					}
				})
			}
			defer others.Wait()
			defer stop()
			buffer := make([]byte, 100)
			for range sent {
				if _, err := pairs[0].Sender.Write(text); err != nil {
					return err
				}
				if err := pairs[0].Receiver.SetReadDeadline(time.Now().Add(testnet.Margin(5 * time.Second))); err != nil {
					return err
				}
				if _, err := pairs[0].Receiver.Read(buffer); err != nil {
					return err
				}
			}
			return nil
		})
		if len(packets) != sent {
			t.Errorf("%d packets, %d were sent", len(packets), sent)
		}
		for _, p := range packets {
			for _, e := range p.Events {
				if len(e.Frame) != 42+len(text) || !bytes.HasSuffix(e.Frame, text) {
					t.Fatalf("packet %d at %s %s: %q", p.Number, e.Hook, e.Func, e.Frame)
				}
			}
		}
	})
}

// TestLostEventsAreCounted has a ring buffer of one page, which nobody reads in time.
func TestLostEventsAreCounted(t *testing.T) {
	n := testnet.New(t)
	s := openWith(t, n, "udp", Config{Buffer: os.Getpagesize()})
	if err := testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 23, 64); err != nil {
		t.Fatal(err)
	}
	read := uint64(len(drain(t, s)))
	counts, err := s.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if counts.Lost < 23 || read == 0 || counts.Lost+read != counts.Chosen {
		t.Errorf("%+v, and %d events were read", counts, read)
	}
}

// TestFollowEndsThoughNothingComes ends a wait.
func TestFollowEndsThoughNothingComes(t *testing.T) {
	s := openWith(t, testnet.New(t), "udp port 9", Config{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Follow(ctx, func(Event) bool { return true }) }()
	time.Sleep(100 * time.Millisecond) // it waits now, most likely
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(testnet.Margin(5 * time.Second)):
		t.Error("it still waits")
	}
}
