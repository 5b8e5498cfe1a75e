//go:build kernel

package compile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A copied is a record of the ring buffer without its time.
type copied struct {
	slot            uint32
	credit, verdict uint8
	reason          packet.Reason
	device, length  uint32
	frame           []byte
}

// copies reads what is in a ring buffer.
func copies(t *testing.T, r *ringbuf.Reader) []copied {
	t.Helper()
	var all []copied
	r.SetDeadline(time.Now().Add(-time.Second))
	for {
		record, err := r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var head bpf.GuardSample
		if _, err := binary.Decode(record.RawSample, binary.NativeEndian, &head); err != nil {
			t.Fatal(err)
		}
		if head.Time == 0 {
			t.Error("a sample has no time")
		}
		frame := record.RawSample[binary.Size(head):][:head.Captured]
		all = append(all, copied{head.Slot, head.Credit, head.Verdict, packet.Reason(head.Reason), head.Device, head.Length, frame})
	}
}

// TestSamplesAreCopiedAsOftenAsRulesAsk has rules of each kind copy packets.
func TestSamplesAreCopiedAsOftenAsRulesAsk(t *testing.T) {
	seldom, often := policy.Sampling{Rate: 1.0 / 3600, Snap: 20}, policy.Sampling{Rate: 1000, Snap: policy.MaxSnap}
	rule := func(port uint32, action policy.Action, mode policy.Mode, s *policy.Sampling) policy.Rule {
		match := policy.All{policy.Protocols{packet.UDP}, policy.Ports{Of: policy.DestinationPort, Ranges: []policy.Range{{Low: port, High: port}}}}
		return policy.Rule{Group: "g", Match: match, Action: action, Mode: mode, Sample: s}
	}
	p := &policy.Policy{Unparsable: policy.Drop, UnparsableMode: policy.Enforce, UnparsableSample: &seldom, Rules: []policy.Rule{
		rule(1, policy.Sample, policy.Enforce, &seldom), // 0
		rule(1, policy.Drop, policy.Audit, &often),      // 1
		rule(1, policy.Drop, policy.Enforce, &often),    // 2
		rule(2, policy.Pass, policy.Enforce, &often),    // 3
		rule(3, policy.Drop, policy.Enforce, &seldom),   // 4
		rule(4, policy.Drop, policy.Enforce, nil),       // 5
	}}
	frame := func(port uint16, payload int) []byte {
		return (&packet.Frame{Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.0.2"), Protocol: packet.UDP,
			DestinationPort: port, Payload: bytes.Repeat([]byte{0xab}, payload)}).Bytes()
	}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	slots := []uint32{10, 11, 12, 13, 14, 15}
	load := func(most float64) (*Generation, *ringbuf.Reader, func(times int, frame []byte) []copied) {
		state, err := NewState(16)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range state {
			t.Cleanup(func() { m.Close() })
		}
		g := loaded(t, tables, LoadOptions{State: state, Slots: slots, MaxSamples: most})
		t.Cleanup(g.Close)
		r, err := ringbuf.NewReader(state[MapSamples])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return g, r, func(times int, frame []byte) []copied {
			for range times {
				if _, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil {
					t.Fatal(err)
				}
			}
			return copies(t, r)
		}
	}
	const xdpDrop, xdpPass = 1, 2
	want := func(slot uint32, credit Credit, verdict uint8, reason packet.Reason, frame []byte, snap int) copied {
		return copied{slot, uint8(credit), verdict, reason, 1, uint32(len(frame)), frame[:min(snap, len(frame))]}
	}
	one, two, long, three := frame(1, 100), frame(2, 0), frame(2, 3000), frame(3, 0)
	cut := one[:30]
	g, _, run := load(10_000)
	for _, c := range []struct {
		claim string
		times int
		frame []byte
		want  []copied
	}{
		{"three rules want the same packet", 1, one, []copied{
			want(10, CreditSample, xdpDrop, 0, one, 20), want(11, CreditWouldDrop, xdpDrop, 0, one, 2048), want(12, CreditDrop, xdpDrop, 0, one, 2048),
		}},
		{"two of them want another", 1, one, []copied{
			want(11, CreditWouldDrop, xdpDrop, 0, one, 2048), want(12, CreditDrop, xdpDrop, 0, one, 2048),
		}},
		{"a rule that passes", 2, two, []copied{want(13, CreditPass, xdpPass, 0, two, 2048), want(13, CreditPass, xdpPass, 0, two, 2048)}},
		{"a long packet", 1, long, []copied{want(13, CreditPass, xdpPass, 0, long, 2048)}},
		{"one of many", 500, three, []copied{want(14, CreditDrop, xdpDrop, 0, three, 20)}},
		{"no sampling", 10, frame(4, 0), nil},
		{"no rule", 10, frame(5, 0), nil},
		{"not readable", 50, cut, []copied{want(uint32(none), CreditDrop, xdpDrop, packet.Truncated, cut, 20)}},
	} {
		if diff := cmp.Diff(c.want, run(c.times, c.frame), cmp.AllowUnexported(copied{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
	}
	if taken, lost := total(t, g, bpf.GuardTotalSampled), total(t, g, bpf.GuardTotalSamplesLost); taken != 10 || lost != 0 {
		t.Errorf("%d taken, %d lost; want 10 and 0", taken, lost)
	}
	g, _, run = load(2)
	if got := run(9, two); len(got) != 2 {
		t.Errorf("of 9 packets %d are copied, beyond what all rules may together", len(got))
	}
	if taken, lost := total(t, g, bpf.GuardTotalSampled), total(t, g, bpf.GuardTotalSamplesLost); taken != 2 || lost != 7 {
		t.Errorf("%d taken, %d lost; want 2 and 7", taken, lost)
	}
	for i := range tables.Samples {
		tables.Samples[i] = nil
	}
	for _, tables.Samples = range [][]*policy.Sampling{tables.Samples, nil} {
		_, _, run = load(1000)
		want := []copied{want(uint32(none), CreditDrop, xdpDrop, packet.Truncated, cut, 20)}
		if diff := cmp.Diff(want, append(run(5, one), run(5, cut)...), cmp.AllowUnexported(copied{})); diff != "" {
			t.Errorf("nothing but what cannot be read is sampled (-want +got):\n%s", diff)
		}
	}
	_, _, run = load(0)
	if got := run(9, one); len(got) != 0 {
		t.Errorf("%d copies although there must be none", len(got))
	}
}

// TestSamplesThatFindNoRoomAreCounted fills the ring buffer while nobody reads it.
func TestSamplesThatFindNoRoomAreCounted(t *testing.T) {
	p := &policy.Policy{Rules: []policy.Rule{{Match: policy.Protocols{packet.UDP}, Action: policy.Pass, Mode: policy.Enforce,
		Sample: &policy.Sampling{Rate: 1e6, Snap: 1000}}}}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{MaxSamples: 1e6})
	defer g.Close()
	frame := (&packet.Frame{Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.0.2"), Protocol: packet.UDP, Payload: make([]byte, 2000)}).Bytes()
	const packets = 50
	for range packets {
		if _, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil {
			t.Fatal(err)
		}
	}
	// A record takes 1,040 bytes with its two heads.
	taken, lost := total(t, g, bpf.GuardTotalSampled), total(t, g, bpf.GuardTotalSamplesLost)
	if want := uint64(os.Getpagesize() / 1040); taken == 0 || taken > want || taken+lost != packets {
		t.Errorf("%d taken, %d lost; want at most %d taken of %d", taken, lost, want, packets)
	}
}

func total(t *testing.T, g *Generation, which bpf.GuardTotal) (packets uint64) {
	t.Helper()
	var cpus []bpf.GuardCount
	if err := g.Map(MapTotals).Lookup(uint32(which), &cpus); err != nil {
		t.Fatal(err)
	}
	for _, c := range cpus {
		packets += c.Packets
	}
	return packets
}
