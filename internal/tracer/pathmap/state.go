package pathmap

import (
	"time"

	"github.com/packetscope/packetscope/internal/tracer"
)

// A Config says how much a sampler may do. What is zero has a default.
type Config struct {
	// Every is how often a turn begins. In a turn programs are attached until they used up what
	// follows, or the next turn begins: on a quiet host that is always, on a busy one for some
	// milliseconds.
	Every time.Duration
	// Runs is how often programs may run in a turn, and Events how often a packet may be told
	// of with its stack, of which Drops may be of packets that were dropped and not chosen
	// before. All CPUs share them; but each may do some, so that on hosts of more than 40 CPUs
	// it is more.
	Runs, Events, Drops int
	// Chance fixes how many packets there are for one that is chosen, a power of two; 0: the
	// sampler adapts it.
	Chance uint32
	// OwnNamespaceOnly leaves out the packets of other network namespaces.
	OwnNamespaceOnly bool
	// Limit is that of the map.
	Limit int
	// Reads is how often the kernel's list of symbols may be read at once: later it is read for
	// a thousandth of the time. What cannot be told waits for that.
	Reads int
}

// The defaults: see the section "path map" of BENCHMARKS.md for what they cost.
const (
	DefaultEvery  = 10 * time.Second
	DefaultRuns   = 20_000
	DefaultEvents = 256
	DefaultDrops  = 64
	// DefaultLimit leaves room among the edges that have series for new ends of packets.
	DefaultLimit = MaxEdges - 100
	defaultReads = 4
)

// Counts is what a sampler did since it was opened.
type Counts struct {
	// Turns began, and of those Spent ended because they were used up.
	Turns, Spent uint64
	// Attached is for how long programs were.
	Attached time.Duration
	// Runs are of programs. Offered are the packets that came to where they are chosen while
	// programs were attached, Chosen those that were, and Drops those that were told of only
	// because they were dropped.
	Runs, Offered, Chosen, Drops uint64
	// Events are packets at hooks. Lost of them found no room, and Unnamed were thrown away
	// because they waited too long for the names of their functions.
	Events, Lost, Unnamed uint64
}

// A Snapshot is what a sampler knows.
type Snapshot struct {
	Graph  Graph
	Counts Counts
	// Chance is how many packets there are for one that is chosen.
	Chance uint32
	// Last is when the last turn ended; zero before.
	Last time.Time
	// Hooks are the tracepoints that programs are attached to, and Missing those that this
	// kernel does not have as they are needed.
	Hooks, Missing []tracer.Hook
}
