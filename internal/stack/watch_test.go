package stack

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
)

// A packetFlow is what a watch looks at.
type packetFlow struct {
	source, destination netip.AddrPort
	protocol            uint8
	device              string
}

// reference says what a watch matches, in the words of its doc comment.
func reference(w Watch, f packetFlow) bool {
	fits := func(prefix netip.Prefix, ports PortRange, end netip.AddrPort) bool {
		inPrefix := !prefix.IsValid() || prefix.Contains(end.Addr())
		inPorts := ports == PortRange{} || ports.First <= end.Port() && end.Port() <= ports.Last
		return inPrefix && inPorts
	}
	if w.Protocol != 0 && w.Protocol != f.protocol || w.Device != "" && w.Device != f.device {
		return false
	}
	return fits(w.Prefix, w.Ports, f.source) && fits(w.PeerPrefix, w.PeerPorts, f.destination) ||
		fits(w.Prefix, w.Ports, f.destination) && fits(w.PeerPrefix, w.PeerPorts, f.source)
}

// encoded does with the encoded watch what the kernel half does (misfit in watch.h).
func encoded(w bpf.Watch, f packetFlow) bool {
	var device [16]byte
	copy(device[:], f.device)
	if w.Device[0] != 0 && w.Device != device || w.Protocol != 0 && w.Protocol != f.protocol {
		return false
	}
	if version := uint8(6); w.Version != 0 {
		if f.source.Addr().Is4() {
			version = 4
		}
		if w.Version != version {
			return false
		}
	}
	fits := func(address, mask [4]uint32, first, last uint16, end netip.AddrPort) bool {
		words := addressWords(end.Addr())
		for i := range words {
			if (words[i]^address[i])&mask[i] != 0 {
				return false
			}
		}
		return first <= end.Port() && end.Port() <= last
	}
	one := func(end netip.AddrPort) bool { return fits(w.Address, w.Mask, w.PortFirst, w.PortLast, end) }
	peer := func(end netip.AddrPort) bool {
		return fits(w.PeerAddress, w.PeerMask, w.PeerPortFirst, w.PeerPortLast, end)
	}
	return one(f.source) && peer(f.destination) || one(f.destination) && peer(f.source)
}

func addressWords(a netip.Addr) (words [4]uint32) {
	bytes := a.As16()
	for i := range words {
		words[i] = binary.NativeEndian.Uint32(bytes[4*i:])
	}
	return words
}

func TestEncodedWatchMatchesWhatItSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	matched := 0
	const tries = 100_000
	for range tries {
		f := randomFlow(random)
		w := randomWatch(random, f)
		want := reference(w, f)
		if got := encoded(encodeWatch(w), f); got != want {
			t.Fatalf("watch %+v, flow %+v: matches %v, want %v", w, f, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < tries/20 || matched > tries*19/20 {
		t.Errorf("%d of %d matched: the test shows little", matched, tries)
	}
}

// randomFlow makes flows from few values, so that they often nearly fit.
func randomFlow(r *rand.Rand) packetFlow {
	address := func(v6 bool) netip.Addr {
		last := byte(r.IntN(8))
		if v6 {
			return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 7: byte(r.IntN(2)), 15: last})
		}
		return netip.AddrFrom4([4]byte{198, 18, byte(r.IntN(2)), last})
	}
	v6 := r.IntN(2) == 0
	end := func() netip.AddrPort { return netip.AddrPortFrom(address(v6), uint16(r.IntN(6))) }
	return packetFlow{
		source: end(), destination: end(),
		protocol: []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP}[r.IntN(2)],
		device:   []string{"eth0", "eth1", ""}[r.IntN(3)],
	}
}

// randomWatch makes watches of which about a third fit f.
func randomWatch(r *rand.Rand, f packetFlow) Watch {
	var w Watch
	if r.IntN(2) == 0 {
		f.source, f.destination = f.destination, f.source
	}
	if r.IntN(6) == 0 {
		f = randomFlow(r)
	}
	prefix := func(a netip.Addr) netip.Prefix {
		if r.IntN(2) == 0 {
			return netip.Prefix{}
		}
		return netip.PrefixFrom(a, r.IntN(a.BitLen()+1)).Masked()
	}
	ports := func(p uint16) PortRange {
		switch r.IntN(3) {
		case 0:
			return PortRange{}
		case 1:
			return PortRange{p, p + uint16(r.IntN(2))}
		}
		return PortRange{uint16(r.IntN(3)), uint16(3 + r.IntN(3))}
	}
	w.Prefix, w.Ports = prefix(f.source.Addr()), ports(f.source.Port())
	w.PeerPrefix, w.PeerPorts = prefix(f.destination.Addr()), ports(f.destination.Port())
	if r.IntN(2) == 0 {
		w.Protocol = f.protocol
	}
	if r.IntN(3) == 0 {
		w.Device = f.device
	}
	return w
}

func TestPrefixOfOneFamilyNeverFitsTheOther(t *testing.T) {
	flow := func(a, b string) packetFlow {
		return packetFlow{source: netip.MustParseAddrPort(a), destination: netip.MustParseAddrPort(b), protocol: unix.IPPROTO_UDP}
	}
	v4, v6 := flow("192.0.2.1:1", "192.0.2.2:2"), flow("[2001:db8::1]:1", "[2001:db8::2]:2")
	for prefix, want := range map[string][2]bool{
		"0.0.0.0/0":       {true, false},
		"192.0.2.1/32":    {true, false},
		"192.0.2.0/31":    {true, false},
		"2001:db8::/32":   {false, true},
		"2001:db8::1/128": {false, true},
		"2001:db8::3/128": {false, false},
	} {
		w := encodeWatch(Watch{Prefix: netip.MustParsePrefix(prefix)})
		if got := [2]bool{encoded(w, v4), encoded(w, v6)}; got != want {
			t.Errorf("%s matches IPv4, IPv6 %v, want %v", prefix, got, want)
		}
	}
}

func TestLongDeviceNameStaysTerminated(t *testing.T) {
	w := encodeWatch(Watch{Device: strings.Repeat("x", 20)})
	if w.Device[15] != 0 || w.Device[14] != 'x' {
		t.Errorf("device %q, want 15 bytes and a NUL", w.Device)
	}
}

func TestEndsAreDecodedAsEncoded(t *testing.T) {
	for _, text := range []string{"192.0.2.1:53", "[2001:db8::1]:65535", "0.0.0.0:0", "[::]:0"} {
		want := netip.MustParseAddrPort(text)
		if got := decodeEnd(addressWords(want.Addr()), want.Port()); got != want {
			t.Errorf("decoded %v, want %v", got, want)
		}
	}
}

func TestIDsOfWatches(t *testing.T) {
	a, b, c := Watch{Name: "a"}, Watch{Name: "b"}, Watch{Name: "c"}
	t.Run("unchanged ones keep theirs", func(t *testing.T) {
		table := watchTable{ids: map[uint8]Watch{3: a, 9: b}, next: 9}
		ids, next := table.assign([]Watch{c, b, a})
		if ids[0] != 10 || ids[1] != 9 || ids[2] != 3 || next != 10 {
			t.Errorf("ids %v, next %d", ids, next)
		}
	})
	t.Run("changed ones get another", func(t *testing.T) {
		table := watchTable{ids: map[uint8]Watch{3: a}, next: 3}
		if ids, _ := table.assign([]Watch{{Name: "a", Protocol: 6}}); ids[0] == 3 {
			t.Error("packets that the old filter matched would be counted for the new one")
		}
	})
	t.Run("0 is none", func(t *testing.T) {
		table := watchTable{ids: map[uint8]Watch{255: a}, next: 255}
		if ids, _ := table.assign([]Watch{b}); ids[0] != 1 {
			t.Errorf("id %d, want 1", ids[0])
		}
	})
	t.Run("all are different", func(t *testing.T) {
		table := watchTable{ids: make(map[uint8]Watch)}
		for round := range 20 {
			watches := make([]Watch, MaxWatches)
			for i := range watches {
				watches[i] = Watch{Name: "w", Ports: PortRange{uint16(i), uint16(1000 + i + round%2)}}
			}
			ids, next := table.assign(watches)
			seen := make(map[uint8]bool)
			for _, id := range ids {
				if id == 0 || seen[id] {
					t.Fatalf("round %d: id %d twice or 0", round, id)
				}
				seen[id] = true
			}
			table = watchTable{ids: make(map[uint8]Watch), next: next}
			for i, id := range ids {
				table.ids[id] = watches[i]
			}
		}
	})
}
