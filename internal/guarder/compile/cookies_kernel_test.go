//go:build kernel && linux

package compile

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

const (
	xdpDropped  = 1
	xdpPassed   = 2
	xdpAnswered = 3

	synFlag, rstFlag, ackFlag = 0x02, 0x04, 0x10
)

// A besieged host listens on port 80, and has a policy whose rule answers every SYN from
// the second of a second on.
type besieged struct {
	ns  *testnet.Namespace
	g   *Generation
	mtu int // of the device of test runs
}

// cookiePolicy reads a policy with a rule that answers SYNs.
func cookiePolicy(t *testing.T, mode, rates string) *policy.Policy {
	t.Helper()
	p, faults := policy.Parse("p.yaml", fmt.Appendf(nil, `version: 1
groups:
- name: floods
  rules:
  - {rule: syn, mode: %s, match: {proto: tcp, dst_port: [80, 81]}, action: syncookie, syncookie: %s}
`, mode, rates), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	return p
}

// besiege makes a host whose kernel makes cookies as tcp_syncookies says: 2 is for every SYN.
func besiege(t *testing.T, mode, cookies string) *besieged {
	t.Helper()
	n := testnet.New(t)
	n.Left.Set(t, "ipv4/tcp_syncookies", cookies)
	b := &besieged{ns: n.Left}
	b.ns.Do(t, func() {
		l, err := net.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		lo, err := net.InterfaceByName("lo")
		if err != nil {
			t.Fatal(err)
		}
		b.mtu = lo.MTU
	})
	tables, err := Compile(cookiePolicy(t, mode, "{on_above: 1/s, off_below: 1/s}"), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	b.g = loaded(t, tables, LoadOptions{Explain: true, Own: []netip.Addr{b.ns.V4, b.ns.V6}, Sockets: true, FixedClock: true})
	t.Cleanup(b.g.Close)
	b.clock(t, time.Hour)
	return b
}

// clock sets the time of states.
func (b *besieged) clock(t *testing.T, now time.Duration) {
	t.Helper()
	if err := b.g.Map(MapSetup).Put(uint32(0), bpf.GuardSetup{Clock: uint64(now)}); err != nil {
		t.Fatal(err)
	}
}

// run judges a frame, and returns the verdict and what the frame is then.
func (b *besieged) run(t *testing.T, frame []byte) (verdict uint32, after []byte) {
	t.Helper()
	b.ns.Do(t, func() {
		out := make([]byte, 2048)
		options := ebpf.RunOptions{Data: frame, DataOut: out}
		var err error
		if verdict, err = b.g.Program.Run(&options); err != nil {
			t.Fatal(err)
		}
		after = options.DataOut
	})
	return verdict, after
}

// flood returns the counters of the rule.
func (b *besieged) flood(t *testing.T) (f bpf.GuardFlood) {
	t.Helper()
	var identity uint64
	if all := b.g.Map(MapFloods).Iterate(); !all.Next(&identity, &f) || all.Err() != nil {
		t.Fatal("no flood", all.Err())
	}
	return f
}

// syn is the SYN of a peer.
func (b *besieged) syn(f testnet.Family) packet.Frame {
	peer := map[testnet.Family]netip.Addr{testnet.IPv4: netip.MustParseAddr("198.51.100.7"), testnet.IPv6: netip.MustParseAddr("2001:db8:7::7")}
	return packet.Frame{
		DestinationMAC: [6]byte{2, 0, 0, 0, 0, 1}, SourceMAC: [6]byte{2, 0, 0, 0, 0, 2}, Source: peer[f], Destination: b.ns.Addr(f),
		Protocol: packet.TCP, SourcePort: 4711, DestinationPort: 80, Flags: synFlag, MSS: 1400, Sequence: 0xfffffffe,
	}
}

// answerTo is what a SYN is answered with, but for the cookie and the window.
func (b *besieged) answerTo(syn packet.Frame, cookie uint32, window uint16) packet.Frame {
	headers := 40
	if syn.Source.Is6() {
		headers = 60
	}
	return packet.Frame{
		DestinationMAC: syn.SourceMAC, SourceMAC: syn.DestinationMAC, Tags: syn.Tags, Source: syn.Destination, Destination: syn.Source,
		DontFragment: syn.Source.Is4(), Protocol: packet.TCP, SourcePort: syn.DestinationPort, DestinationPort: syn.SourcePort,
		Flags: synFlag | ackFlag, Sequence: cookie, Acknowledgement: syn.Sequence + 1, MSS: uint16(min(b.mtu-headers, 65535)), Window: window,
	}
}

// TestAnswersHaveTheirForm compares each answer with one that is built anew, byte by byte,
// and lets the kernel say whether the cookie in it is one of its own.
func TestAnswersHaveTheirForm(t *testing.T) {
	b := besiege(t, "enforce", "2")
	for _, f := range testnet.Families {
		for _, c := range []struct {
			name  string
			shape func(*packet.Frame)
		}{
			{"plain", func(*packet.Frame) {}},
			{"without options", func(s *packet.Frame) { s.MSS = 0 }},
			{"all options of Linux", func(s *packet.Frame) {
				s.TCPOptions = []byte{4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}
			}},
			{"as many options as there can be", func(s *packet.Frame) { s.TCPOptions = make([]byte, 36); s.TCPOptions[0] = 1 }},
			{"a tag", func(s *packet.Frame) { s.Tags = []uint16{10} }},
			{"two tags", func(s *packet.Frame) { s.Tags = []uint16{20, 21} }},
			{"ECN", func(s *packet.Frame) { s.Flags |= 0xc0 }},
			{"data", func(s *packet.Frame) { s.Payload = make([]byte, 400) }},
			{"the last sequence number", func(s *packet.Frame) { s.Sequence = 0xffffffff }},
			{"extension headers, or options of IPv4", func(s *packet.Frame) {
				if s.Source.Is4() {
					s.Options = []byte{148, 4, 0, 0}
				} else {
					s.Extensions = []packet.Extension{{Header: packet.HopByHop}, {Header: packet.Destination, Size: 16}}
				}
			}},
		} {
			t.Run(fmt.Sprintf("%v/%s", f, c.name), func(t *testing.T) {
				syn := b.syn(f)
				c.shape(&syn)
				b.run(t, syn.Bytes()) // the first one is none of a flood
				verdict, got := b.run(t, syn.Bytes())
				if verdict != xdpAnswered {
					t.Fatalf("verdict %d, want an answer (%d); %+v", verdict, xdpAnswered, b.flood(t))
				}
				at := 14 + 4*len(syn.Tags) + map[testnet.Family]int{testnet.IPv4: 20, testnet.IPv6: 40}[f]
				cookie := binary.BigEndian.Uint32(got[at+4:])
				window := binary.BigEndian.Uint16(got[at+14:])
				answer := b.answerTo(syn, cookie, window)
				if diff := cmp.Diff(answer.Bytes(), got[:len(answer.Bytes())]); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if len(got) > max(60, len(answer.Bytes())) {
					t.Errorf("the answer has %d bytes, want %d", len(got), len(answer.Bytes()))
				}
				if window < 10*1460 {
					t.Errorf("the window is %d bytes", window)
				}
				if len(syn.Tags) > 0 {
					return // the kernel is not asked about VLANs
				}
				before := b.flood(t)
				ack := syn
				ack.Flags, ack.Sequence, ack.Acknowledgement, ack.Payload = ackFlag, syn.Sequence+1, cookie+1, nil
				if verdict, _ := b.run(t, ack.Bytes()); verdict != xdpPassed {
					t.Errorf("the ACK with the cookie: verdict %d, want pass", verdict)
				}
				ack.Acknowledgement += 1 << 16 // the lowest bits tell the MSS, and are others of some cookie
				if verdict, _ := b.run(t, ack.Bytes()); verdict != xdpDropped {
					t.Errorf("an ACK with another number: verdict %d, want drop", verdict)
				}
				if after := b.flood(t); after.Valid != before.Valid+1 || after.Invalid != before.Invalid+1 {
					t.Errorf("one valid and one other ACK: counted %+v, before %+v", after, before)
				}
			})
		}
	}
}

// TestKernelIsLeftItsSYNs: what is no SYN to a listener without room is not answered.
func TestKernelIsLeftItsSYNs(t *testing.T) {
	signed := func(kind byte) func(*packet.Frame) {
		return func(s *packet.Frame) { s.TCPOptions = append([]byte{1, 1, kind, 18}, make([]byte, 16)...) }
	}
	b, roomy := besiege(t, "enforce", "2"), besiege(t, "enforce", "1")
	for _, f := range testnet.Families {
		for _, c := range []struct {
			name  string
			on    *besieged
			shape func(*packet.Frame)
		}{
			{"the queue has room", roomy, func(*packet.Frame) {}},
			{"nobody listens", b, func(s *packet.Frame) { s.DestinationPort = 81 }},
			{"the address is another host's", b, func(s *packet.Frame) { s.Destination = s.Source.Next() }},
			{"signed by MD5", b, signed(19)},
			{"signed by TCP-AO", b, signed(29)},
			{"a first fragment", b, func(s *packet.Frame) { s.MoreFragments = true }},
			{"a frame to everybody", b, func(s *packet.Frame) { s.DestinationMAC = [6]byte{255, 255, 255, 255, 255, 255} }},
			{"SYN and FIN", b, func(s *packet.Frame) { s.Flags |= 1 }},
			{"RST", b, func(s *packet.Frame) { s.Flags = rstFlag }},
		} {
			t.Run(fmt.Sprintf("%v/%s", f, c.name), func(t *testing.T) {
				syn := c.on.syn(f)
				for range 3 { // a flood of what is answered
					c.on.run(t, syn.Bytes())
				}
				c.shape(&syn)
				frame := syn.Bytes()
				verdict, after := c.on.run(t, frame)
				if diff := cmp.Diff(frame, after); verdict != xdpPassed || diff != "" {
					t.Errorf("verdict %d, want pass; (-before +after)\n%s", verdict, diff)
				}
			})
		}
	}
}

// TestAuditNeverAnswers counts what would be answered, and what would be dropped.
func TestAuditNeverAnswers(t *testing.T) {
	b := besiege(t, "audit", "2")
	for _, f := range testnet.Families {
		for n, frame := range []packet.Frame{b.syn(f), b.syn(f), func() packet.Frame { s := b.syn(f); s.Flags = ackFlag; return s }()} {
			bytes := frame.Bytes()
			b.clock(t, time.Hour)
			verdict, after := b.run(t, bytes)
			if diff := cmp.Diff(bytes, after); verdict != xdpPassed || diff != "" {
				t.Errorf("%v: verdict %d, want pass; (-before +after)\n%s", f, verdict, diff)
			}
			r, err := b.g.Result()
			if err != nil {
				t.Fatal(err)
			}
			if would := r.WouldDrop == 0; would != (n > 0 || f == testnet.IPv6) {
				t.Errorf("%v, packet %d: would drop is %d", f, n, r.WouldDrop)
			}
		}
	}
	if f := b.flood(t); f.Sent != 0 || f.Seen != 4 || f.Active != 1 || f.Invalid != 2 {
		t.Errorf("%+v; want 4 SYNs seen, none answered, and 2 ACKs without a cookie", f)
	}
}

// TestFloodsBeginAndEnd follows the kernel's program and the plain interpreter through the
// same seconds.
func TestFloodsBeginAndEnd(t *testing.T) {
	b := besiege(t, "enforce", "2")
	p := cookiePolicy(t, "enforce", "{on_above: 20/s, off_below: 10/s}")
	tables, err := Compile(p, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	b.g.Close()
	b.g = loaded(t, tables, LoadOptions{Explain: true, Own: []netip.Addr{b.ns.V4}, Sockets: true, FixedClock: true})
	var states policy.States
	frame := func() packet.Frame { return b.syn(testnet.IPv4) }()
	bytes := frame.Bytes()
	pkt := packet.Parse(bytes)
	env := &policy.Env{Own: func(a netip.Addr) bool { return a == b.ns.V4 }, States: &states, Cookie: func(*packet.Packet) bool { return true }}
	answered := map[int]int{}
	now := time.Hour
	for second, rate := range []int{5, 20, 25, 100, 16, 10, 8, 8, 40, 40, 4, 0, 0, 20} {
		for range rate {
			b.clock(t, now)
			env.Now = time.Unix(0, int64(now))
			verdict, _ := b.run(t, bytes)
			j := p.Judge(&pkt, env)
			if j.Answered != (verdict == xdpAnswered) {
				t.Fatalf("second %d, %v: verdict %d, want answered %v", second, now, verdict, j.Answered)
			}
			if j.Answered {
				answered[second]++
			}
			now += time.Second / time.Duration(rate)
		}
		if rate == 0 {
			now += time.Second
		}
	}
	want := map[int]int{2: 5, 3: 100, 4: 16, 5: 10, 6: 8, 8: 20, 9: 40, 10: 4}
	if diff := cmp.Diff(want, answered); diff != "" {
		t.Errorf("answered by second (-want +got):\n%s", diff)
	}
}
