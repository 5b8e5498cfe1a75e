//go:build kernel

package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A twin is the parser in C, run on frames by BPF_PROG_TEST_RUN.
type twin struct {
	objects bpf.GuardParseObjects
}

func newTwin(t *testing.T) *twin {
	t.Helper()
	if err := rlimit.RemoveMemlock(); err != nil {
		t.Fatal(err)
	}
	var w twin
	err := bpf.LoadGuardParseObjects(&w.objects, nil)
	if refused := (*ebpf.VerifierError)(nil); errors.As(err, &refused) {
		t.Fatalf("%+v", refused)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.objects.Close() })
	return &w
}

// parse returns what the program finds in a frame of at least 14 bytes: the kernel
// hands it no shorter ones.
func (w *twin) parse(frame []byte) (p bpf.GuardPacket, err error) {
	if _, err := w.objects.GuardParseRecord.Run(&ebpf.RunOptions{Data: frame}); err != nil {
		return p, err
	}
	return p, w.objects.GuardParsed.Lookup(uint32(0), &p)
}

// compare returns how the twins differ on a frame, or "". The frame has no room
// behind its end, so a read there would panic.
func (w *twin) compare(frame []byte) string {
	got, err := w.parse(frame)
	if err != nil {
		return err.Error()
	}
	p := Parse(frame[:len(frame):len(frame)])
	want := expected(&p)
	// Places are known by what is there.
	if found := frame[got.Payload:][:got.PayloadLength]; !bytes.Equal(found, p.Payload) {
		return fmt.Sprintf("payload: Go has %x, C has %x", p.Payload, found)
	}
	if p.Family != 0 && (int(got.Network) != ethernetHeader+tagHeader*len(p.Tags) || int(got.End) != min(int(got.Network)+int(p.Length), len(frame))) {
		return fmt.Sprintf("IP packet of %d bytes from %d to %d", p.Length, got.Network, got.End)
	}
	if p.HasPorts && binary.BigEndian.Uint16(frame[got.Transport:]) != p.SourcePort {
		return fmt.Sprintf("transport header at %d", got.Transport)
	}
	want.Network, want.Transport, want.Payload, want.End = got.Network, got.Transport, got.Payload, got.End
	want.Interface = 1 // a test run is on the loopback device
	if want == got {   // quicker
		return ""
	}
	return cmp.Diff(want, got)
}

func address(a netip.Addr) (words [4]uint32) {
	var b [16]byte
	if a.IsValid() {
		copy(b[:], a.AsSlice())
	}
	for i := range words {
		words[i] = binary.NativeEndian.Uint32(b[4*i:]) // in network order, as it is in memory
	}
	return words
}

func bit(yes bool, has uint8) uint8 {
	if yes {
		return has
	}
	return 0
}

// expected is a packet as the program must have found it.
func expected(p *Packet) bpf.GuardPacket {
	g := bpf.GuardPacket{
		Source: address(p.Source), Destination: address(p.Destination),
		SourceMac: p.SourceMAC, DestinationMac: p.DestinationMAC,
		TagCount: uint8(len(p.Tags)), EtherType: p.EtherType,
		Family: p.Family, Ttl: p.TTL, Length: p.Length, Fragment: uint8(p.Fragment),
		Options: uint16(p.Options), Headers: uint16(p.Headers), RoutingTypes: p.RoutingTypes,
		Protocol: p.Protocol, SourcePort: p.SourcePort, DestinationPort: p.DestinationPort,
		FragmentId: p.FragmentID, FragmentOffset: p.FragmentOffset, FragmentSize: p.FragmentSize,
		Flags: p.Flags, Mss: p.MSS, TcpOptions: uint8(p.TCPOptions), Reason: uint8(p.Reason), PayloadLength: uint16(len(p.Payload)),
		Has: bit(p.HasPorts, bpf.GuardHasPorts) | bit(p.DontFragment, bpf.GuardDontFragment),
	}
	copy(g.Tags[:], p.Tags)
	if a := p.ARP; a != nil {
		g.Has |= bpf.GuardHasARP
		g.Operation, g.SenderMac, g.TargetMac = a.Operation, a.SenderMAC, a.TargetMAC
		g.Source, g.Destination = address(a.SenderIP), address(a.TargetIP)
	}
	if m := p.ICMP; m != nil {
		g.Has |= bpf.GuardHasICMP | bit(m.Target.IsValid(), bpf.GuardHasTarget) | bit(m.Quoted != nil, bpf.GuardHasQuoted) | bit(m.HasLinkAddress, bpf.GuardHasLinkAddress)
		g.IcmpType, g.IcmpCode, g.Mtu, g.Target = m.Type, m.Code, m.MTU, address(m.Target)
		g.SenderMac = m.LinkAddress
		if q := m.Quoted; q != nil {
			g.Quoted = bpf.GuardQuoted{
				Source: address(q.Source), Destination: address(q.Destination), Length: q.Length, Sequence: q.Sequence,
				SourcePort: q.SourcePort, DestinationPort: q.DestinationPort, Family: q.Family, Protocol: q.Protocol, IcmpType: q.ICMPType,
				Has: bit(q.DontFragment, bpf.GuardDontFragment) | bit(q.Later, bpf.GuardLaterFragment) | bit(q.HasPorts, bpf.GuardHasPorts) |
					bit(q.HasSequence, bpf.GuardHasSequence) | bit(q.HasICMP, bpf.GuardHasICMP),
			}
		}
	}
	return g
}

func TestTwinsAgreeOnEveryCut(t *testing.T) {
	w := newTwin(t)
	for _, s := range specimens() {
		t.Run(s.name, func(t *testing.T) {
			frame := s.frame.Bytes()
			for n := len(frame); n >= ethernetHeader; n-- {
				if diff := w.compare(frame[:n]); diff != "" {
					t.Fatalf("%d of %d bytes: (-Go +C)\n%s\nframe %x", n, len(frame), diff, frame[:n])
				}
			}
			for claimed := range s.claims() {
				if diff := w.compare(claimed); diff != "" {
					t.Fatalf("(-Go +C)\n%s\nframe %x", diff, claimed)
				}
			}
		})
	}
}

// seed of random tests; PACKETSCOPE_TEST_SEED repeats a run.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PACKETSCOPE_TEST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("PACKETSCOPE_TEST_SEED=%q is no number", s)
		}
		seed = n
	}
	t.Logf("PACKETSCOPE_TEST_SEED=%d", seed)
	return seed
}

func TestTwinsAgreeOnDamagedFrames(t *testing.T) {
	frames := 200_000
	if n, err := strconv.Atoi(os.Getenv("PACKETSCOPE_TEST_FRAMES")); err == nil {
		frames = n
	}
	if testing.Short() || testnet.InVM() { // where there is no time for more
		frames /= 10
	}
	w := newTwin(t)
	random := rand.New(rand.NewPCG(seed(t), 0))
	var whole [][]byte
	for _, s := range specimens() {
		whole = append(whole, s.frame.Bytes())
	}
	var reasons [Reasons]int
	for i := range frames {
		frame := damage(random, whole[random.IntN(len(whole))])
		if diff := w.compare(frame); diff != "" {
			t.Fatalf("frame %d: (-Go +C)\n%s\nframe %x", i, diff, frame)
		}
		reasons[Parse(frame).Reason]++
	}
	for r, n := range reasons {
		if t.Logf("%s: %d", Reason(r), n); n == 0 {
			t.Errorf("no frame was %s", Reason(r))
		}
	}
}

// claim sets the length in an IP header.
func claim(random *rand.Rand, frame []byte) {
	if len(frame) < ethernetHeader+ipv6Header {
		return
	}
	n := uint16(random.IntN(len(frame)))
	switch binary.BigEndian.Uint16(frame[12:]) {
	case EtherIPv4:
		binary.BigEndian.PutUint16(frame[ethernetHeader+2:], n)
	case EtherIPv6:
		binary.BigEndian.PutUint16(frame[ethernetHeader+4:], n)
	}
}

// damage changes some bytes of a frame, most of them to values that mean something
// somewhere, and may cut it, let it claim another length or let something follow.
func damage(random *rand.Rand, frame []byte) []byte {
	frame = bytes.Clone(frame)
	telling := []byte{0, 1, 2, 4, 5, 6, 7, 8, 17, 20, 33, 40, 41, 43, 44, 45, 50, 51, 58, 59, 60, 64, 68, 69, 70, 79, 80, 96, 131, 132, 136, 137, 148, 255}
	for range random.IntN(5) {
		at := random.IntN(len(frame))
		if random.IntN(2) == 0 { // the headers decide more
			at = random.IntN(min(len(frame), 60))
		}
		switch random.IntN(3) {
		case 0:
			frame[at] = byte(random.Uint32())
		case 1:
			frame[at] = telling[random.IntN(len(telling))]
		case 2:
			frame[at] ^= 1 << random.IntN(8)
		}
	}
	switch random.IntN(5) {
	case 0:
		claim(random, frame)
	case 1:
		frame = frame[:ethernetHeader+random.IntN(len(frame)-ethernetHeader+1)]
	case 2:
		for range random.IntN(60) {
			frame = append(frame, telling[random.IntN(len(telling))])
		}
	}
	return frame
}
