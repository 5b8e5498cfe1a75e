package network

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/wire"
)

var start = time.Now()

func probeOf(tag any) Probe {
	return Probe{Tag: tag, TTL: 3, Flow: wire.Flow{
		Protocol: wire.UDP, Source: netip.MustParseAddr("192.0.2.1"), Destination: netip.MustParseAddr("192.0.2.9"),
		SourcePort: 61440, DestinationPort: 33434,
	}}
}

func mustAdd(t *testing.T, b *table, tag any, now time.Time) *flight {
	t.Helper()
	f, err := b.add(probeOf(tag), now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// outcomes returns what became of the probes by their tags, and forgets it.
func (t *table) outcomes() map[any]string {
	got := make(map[any]string)
	for _, a := range t.answers {
		switch {
		case a.Err != nil:
			got[a.Tag] += a.Err.Error()
		case a.Reply != nil:
			got[a.Tag] += "answered"
		default:
			got[a.Tag] += "nobody"
		}
	}
	t.answers = nil
	return got
}

func TestEachProbeHasOneAnswer(t *testing.T) {
	b := newTable(time.Second)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	reply := &wire.Reply{From: netip.MustParseAddr("192.0.2.9"), Kind: wire.Unreachable}
	answer := func(k wire.Key, d time.Duration) {
		if f := b.find(k); f != nil {
			b.answer(f, reply, time.Time{}, at(d))
		}
	}
	inTime, late, silent := mustAdd(t, b, "in time", at(0)), mustAdd(t, b, "late", at(0)), mustAdd(t, b, "silent", at(0))
	refused := mustAdd(t, b, "refused", at(0))
	b.fail(refused, errors.New("refused"))
	stranger := inTime.probe.Key()
	stranger.SourcePort++

	answer(inTime.probe.Key(), 500*time.Millisecond)
	answer(inTime.probe.Key(), 501*time.Millisecond)
	answer(stranger, 502*time.Millisecond)
	answer(refused.probe.Key(), 503*time.Millisecond)
	b.advance(at(time.Second))
	if d := cmp.Diff(map[any]string{"in time": "answered", "refused": "refused"}, b.outcomes()); d != "" {
		t.Errorf("in time: -want +got:\n%s", d)
	}
	b.advance(at(time.Second + 1))
	if d := cmp.Diff(map[any]string{"late": "nobody", "silent": "nobody"}, b.outcomes()); d != "" {
		t.Errorf("after the timeout: -want +got:\n%s", d)
	}
	answer(late.probe.Key(), 1900*time.Millisecond)
	answer(late.probe.Key(), 1901*time.Millisecond)
	answer(inTime.probe.Key(), 1902*time.Millisecond)
	b.advance(at(2*time.Second + 1))
	answer(silent.probe.Key(), 2002*time.Millisecond)
	if d := cmp.Diff(map[any]string{}, b.outcomes()); d != "" {
		t.Errorf("later: -want +got:\n%s", d)
	}
	want := Stats{Late: 1, Duplicates: 3, Unmatched: 3, Timestamps: Timestamps{TX: Clocks{User: 1}, RX: Clocks{User: 1}}}
	if b.stats != want {
		t.Errorf("got %+v, want %+v", b.stats, want)
	}
	if !b.idle() || len(b.flights) != 0 {
		t.Errorf("keeps %d flights, queue of %d", len(b.flights), len(b.queue))
	}
}

// An answer can come in time and be read after the timeout has been noticed elsewhere.
func TestReadLateIsNotLate(t *testing.T) {
	b := newTable(time.Second)
	f := mustAdd(t, b, "x", start)
	f.tx = start.Round(0)
	b.answer(f, &wire.Reply{}, start.Round(0).Add(999*time.Millisecond), start.Add(1009*time.Millisecond))
	if d := cmp.Diff(map[any]string{"x": "answered"}, b.outcomes()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestIDsAreNeverZeroNorTwice(t *testing.T) {
	b := newTable(time.Hour)
	first := mustAdd(t, b, nil, start)
	b.id = 65533
	var got []uint16
	for range 4 {
		got = append(got, mustAdd(t, b, nil, start).probe.ID)
	}
	if d := cmp.Diff([]uint16{65534, 65535, 2, 3}, got); d != "" || first.probe.ID != 1 {
		t.Errorf("first %d; -want +got:\n%s", first.probe.ID, d)
	}
}

func TestTooManyProbesAreRefused(t *testing.T) {
	b := newTable(time.Second)
	for range maxFlights {
		mustAdd(t, b, nil, start)
	}
	if _, err := b.add(probeOf(nil), start); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	b.advance(start.Add(3 * time.Second))
	if _, err := b.add(probeOf(nil), start); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v while nobody reads the answers", err)
	}
	b.answers = nil
	mustAdd(t, b, nil, start)
}
