//go:build linux

package pathmap

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
)

// told is the record of a packet that was seen in the function of an address.
func told(t *testing.T, head, address uint64, ktime uint64) []byte {
	t.Helper()
	e := bpf.PathEvent{KtimeNs: ktime, FirstNs: 1, Head: head, Hook: uint32(bpf.PathNetDevQueue), Ether: etherIPv4, Protocol: 17, Frames: 8, TookNs: 3000}
	e.Stack[0] = address
	var b bytes.Buffer
	if err := binary.Write(&b, binary.NativeEndian, e); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestNamesAreReadSeldom: what cannot be named waits until the list of symbols may be read again.
func TestNamesAreReadSeldom(t *testing.T) {
	symbols, err := kernel.OpenSymbols()
	if err != nil {
		t.Fatal(err)
	}
	defer symbols.Close()
	now := time.Unix(1000, 0)
	g := &gatherer{symbols: symbols, reads: 1, now: func() time.Time { now = now.Add(50 * time.Millisecond); return now }}
	packets := func(want int, what string) {
		t.Helper()
		got, err := g.packets()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != want {
			t.Errorf("%s: %d packets, want %d", what, len(got), want)
		}
	}
	record := func(raw []byte) {
		t.Helper()
		if spent, err := g.record(raw); err != nil || spent {
			t.Fatal(spent, err)
		}
	}
	record(told(t, 1, 0x1000, 5))
	packets(1, "the first is named at once")
	record(told(t, 2, 0x2000, 6))
	record(told(t, 3, 0x1000, 7))
	packets(1, "one has the address of before, the other waits")
	packets(0, "it waits still")
	now = now.Add(readPart * 50 * time.Millisecond)
	packets(1, "it has waited long enough")
	for range mostWaiting + 3 {
		record(told(t, 4, 0x3000, 8))
	}
	if g.unnamed != 3 || len(g.events) != mostWaiting {
		t.Errorf("%d thrown away, %d wait", g.unnamed, len(g.events))
	}
	if spent, err := g.record(make([]byte, 8)); !spent || err != nil {
		t.Errorf("a record of 8 bytes ends no turn: %v", err)
	}
	if _, err := g.record(make([]byte, 9)); err == nil {
		t.Error("a record of 9 bytes is none")
	}
}

// TestTimeOfSamplingIsTakenOut: both events took 3 µs to tell of.
func TestTimeOfSamplingIsTakenOut(t *testing.T) {
	symbols, err := kernel.OpenSymbols()
	if err != nil {
		t.Fatal(err)
	}
	defer symbols.Close()
	g := &gatherer{symbols: symbols, reads: 1, now: time.Now}
	for _, ktime := range []uint64{14_500, 10_000} { // CPUs tell in any order
		if _, err := g.record(told(t, 1, 0x1000, ktime)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.packets()
	if err != nil || len(got) != 1 || len(got[0].Events) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := got[0].Duration(); d != 1500*time.Nanosecond {
		t.Errorf("it took %v, want 1.5µs", d)
	}
}

func TestChanceFollowsTheLoad(t *testing.T) {
	c := Config{}.complete()
	for name, x := range map[string]struct {
		cpus                int
		chance              uint32
		runs, events, drops uint64
		spent               bool
		want                uint32
	}{
		"events used up before the runs": {2, 4, 1000, 256, 0, true, 8},
		"both used up":                   {2, 4, 19_000, 256, 0, true, 4},
		"runs used up, few events":       {2, 4, 20_000, 40, 0, true, 2},
		"quiet":                          {2, 4, 100, 10, 0, false, 2},
		"quiet, and all are chosen":      {2, 1, 100, 10, 0, false, 1},
		"quiet, but for drops":           {2, 4, 100, 74, 64, false, 2},
		"as few as can be":               {2, mostChance, 1000, 256, 0, true, mostChance},
		"one of four CPUs is busy":       {4, 4, 5001, 40, 0, true, 2},
		"one of many CPUs is busy":       {64, 4, 600, 10, 0, true, 2},
		"events of one of many CPUs":     {64, 4, 300, 100, 0, true, 8},
	} {
		after := Counts{Runs: x.runs, Events: x.events, Drops: x.drops}
		if x.spent {
			after.Spent = 1
		}
		if got := adapt(x.chance, Counts{}, after, c, c.turn(1, x.chance, x.cpus)); got != x.want {
			t.Errorf("%s: one of %d, want %d", name, got, x.want)
		}
	}
}

// TestWhatWasInterruptedIsNotNamed: it can be any address, of which the kernel has millions.
func TestWhatWasInterruptedIsNotNamed(t *testing.T) {
	g := &gatherer{entries: map[uint64]bool{3: true}}
	e := &bpf.PathEvent{Frames: 5 * 8}
	copy(e.Stack[:], []uint64{1, 2, 3, 4, 5})
	if got := g.stackOf(e); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("functions at %v", got)
	}
	if g.entries = nil; len(g.stackOf(e)) != 5 {
		t.Errorf("functions at %v before any has a name", g.stackOf(e))
	}
}
