package collector

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder"
)

// A sourceTable is the table of sources of a packet filter that has little room, with
// what was added to each entry since it was last read.
type sourceTable struct {
	random *rand.Rand
	room   int
	clock  uint64
	audit  map[uint32]bool // rules that only audit now
	hits   map[hitKey]guarder.Hit
	unread map[hitKey]uint64
}

func newSourceTable(seed uint64, room int) *sourceTable {
	return &sourceTable{
		random: rand.New(rand.NewPCG(seed, 7)), room: room, audit: make(map[uint32]bool),
		hits: make(map[hitKey]guarder.Hit), unread: make(map[hitKey]uint64),
	}
}

// hit notes packets, for which any other entry may have to go.
func (m *sourceTable) hit(key hitKey, packets uint64) {
	m.clock++
	h, ok := m.hits[key]
	if !ok {
		for k := range m.hits {
			if len(m.hits) < m.room {
				break
			}
			m.forget(k)
		}
		h = guarder.Hit{Source: key.source, Rule: key.rule, First: m.clock}
	}
	h.Packets += packets
	h.Effect = "drop"
	if m.audit[key.rule] {
		h.Effect = "would_drop"
	}
	m.hits[key] = h
	m.unread[key] += packets
}

func (m *sourceTable) forget(key hitKey) {
	delete(m.hits, key)
	delete(m.unread, key)
}

// read returns the table in any order, and what was added to it since it was last read.
func (m *sourceTable) read() (table []guarder.Hit, added map[hitKey]uint64) {
	for _, h := range m.hits {
		table = append(table, h)
	}
	m.random.Shuffle(len(table), func(i, j int) { table[i], table[j] = table[j], table[i] })
	added, m.unread = m.unread, make(map[hitKey]uint64)
	return table, added
}

// live has things happen: hits, some of them in a flood, rules that change their mode,
// rules that go with all that they hit, and a table that is made anew.
func (m *sourceTable) live(sources int, f func(i int) netip.Addr) {
	for range m.random.IntN(150) {
		key := hitKey{f(m.random.IntN(sources)), m.random.Uint32N(3)}
		m.hit(key, []uint64{1, 1, 64}[m.random.IntN(3)])
	}
	switch rule := m.random.Uint32N(3); m.random.IntN(30) {
	case 0:
		m.audit[rule] = !m.audit[rule]
	case 1:
		for k := range m.hits {
			if k.rule == rule {
				m.forget(k)
			}
		}
	case 2:
		clear(m.hits)
		clear(m.unread)
	}
}

// TestHitsThatGrewAreThoseOfTheModel drives random histories. What an entry had that is
// there again is more than it had before in some of them, and less in others.
func TestHitsThatGrewAreThoseOfTheModel(t *testing.T) {
	for seed := range uint64(20) {
		m, l := newSourceTable(seed, 50), new(hitLedger)
		returned := 0
		for step := range 300 {
			m.live(80, numbered)
			table, want := m.read()
			for _, h := range table {
				if was, ok := l.known[hitKey{h.Source, h.Rule}]; ok && was.first != h.First {
					returned++
				}
			}
			got := make(map[hitKey]uint64)
			for _, h := range l.enter(table) {
				got[hitKey{h.Source, h.Rule}] += h.Packets
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(hitKey{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Fatalf("seed %d, step %d (-want +got):\n%s", seed, step, diff)
			}
			if len(l.known) != len(m.hits) {
				t.Fatalf("seed %d, step %d: %d entries are known of %d", seed, step, len(l.known), len(m.hits))
			}
		}
		if returned < 100 {
			t.Errorf("seed %d: only %d entries came back anew: the history shows little", seed, returned)
		}
	}
}

// TestEntryWithLessThanBeforeBeganAnew, even where the time of its making is the same.
func TestEntryWithLessThanBeforeBeganAnew(t *testing.T) {
	l := new(hitLedger)
	for i, step := range []struct{ first, packets, want uint64 }{
		{5, 100, 100}, {5, 100, 0}, {5, 107, 7}, {5, 3, 3}, {5, 3, 0}, {9, 200, 200}, {9, 201, 1}, {10, 201, 201},
	} {
		sum := uint64(0)
		for _, h := range l.enter([]guarder.Hit{{Source: numbered(1), Packets: step.packets, First: step.first}}) {
			sum += h.Packets
		}
		if sum != step.want {
			t.Errorf("step %d: it grew by %d, want %d", i, sum, step.want)
		}
	}
}
