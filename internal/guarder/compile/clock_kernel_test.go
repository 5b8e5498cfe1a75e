//go:build kernel

package compile

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A clockwork is the time of a generation and of the plain interpreter, with what rules
// remember by it.
type clockwork struct {
	buckets *ebpf.Map
	states  policy.States
	at      time.Duration
}

// newClockwork has room for the buckets of all keys of a test.
func newClockwork(t *testing.T) *clockwork {
	t.Helper()
	m, err := NewBuckets()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	c := &clockwork{buckets: m}
	c.states.SamePort = samePort
	return c
}

// testSeed is that of the hashes of a test.
const testSeed = 5

func samePort(port uint16) uint16 { return SamePort(testSeed, port) }

// options have a generation go by the clockwork.
func (c *clockwork) options(o LoadOptions) LoadOptions {
	o.FixedClock, o.NoSketch, o.State = true, true, map[string]*ebpf.Map{MapBuckets: c.buckets}
	return o
}

// tick lets some time pass for a generation and for the plain interpreter.
func (c *clockwork) tick(t *testing.T, g *Generation, e *policy.Env, d time.Duration) {
	t.Helper()
	c.at += d
	e.Now, e.States = now.Add(c.at), &c.states
	put(t, g.Map(MapSetup), uint32(0), bpf.GuardSetup{Seed: testSeed, Clock: uint64(time.Hour + c.at)})
}
