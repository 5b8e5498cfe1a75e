//go:build kernel && linux

package stack

import (
	"bytes"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A lab is an engine that looks at one namespace, so that its counts are exact
// however busy the machine is.
type lab struct {
	*Engine
	ns  *testnet.Namespace
	log *logbook
}

// open opens an engine in ns with the hooks of this run of the tests. Unless cfg says
// what to leave out, it is of the layers alone: in an emulated machine each program
// takes a second to load.
func open(t testing.TB, ns *testnet.Namespace, cfg Config) *lab {
	t.Helper()
	if cfg.Hooks == nil {
		cfg.Hooks = forced(t)
	}
	if cfg.Disable == nil {
		cfg.Disable = allBut(layerGroups...)
	}
	cfg.OwnNamespaceOnly = true
	l := openAs(t, ns, cfg)
	l.wantHooks(t)
	return l
}

// layerGroups are the groups behind [Engine.Snapshot].
var layerGroups = []string{GroupStack, GroupSocket, GroupDevice, GroupSoftirq, GroupNetfilter}

// allBut returns what to disable for an engine of some groups of probes.
func allBut(wanted ...string) []string {
	return slices.DeleteFunc(ProbeGroups(), func(group string) bool { return slices.Contains(wanted, group) })
}

// openAs opens an engine in ns with cfg as it is.
func openAs(t testing.TB, ns *testnet.Namespace, cfg Config) *lab {
	t.Helper()
	l := &lab{ns: ns, log: new(logbook)}
	start := time.Now()
	ns.Do(t, func() {
		var err error
		l.Engine, err = Open(cfg, slog.New(slog.NewTextHandler(l.log, nil)))
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("opened in %v", time.Since(start).Round(time.Millisecond))
	t.Cleanup(func() {
		l.Close()
		for _, line := range l.log.lines() {
			t.Log(line) // shown if the test fails
		}
	})
	return l
}

// forced returns the Config.Hooks of this run of the tests.
func forced(t testing.TB) map[string]HookFamily {
	t.Helper()
	family, err := ParseHookFamily(testnet.Hooks())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]HookFamily{"": family}
}

// count returns what the engine counted while load ran. The load must not end
// before its last packet has been handled.
func (l *lab) count(t testing.TB, load func()) tally {
	t.Helper()
	before := l.snapshot(t)
	load()
	return before.until(l.snapshot(t))
}

// countUntil is count for a load whose last packets may still be on their way
// when it ends.
func (l *lab) countUntil(t testing.TB, load func(), done func(tally) bool) tally {
	t.Helper()
	before := l.snapshot(t)
	load()
	var got tally
	eventually(t, func() bool {
		got = before.until(l.snapshot(t))
		return done(got)
	})
	return got
}

// spare returns how many runs of programs the kernel may have skipped in got. It skips
// a kprobe that interrupts another one's program, which cannot happen while packets
// are handled one after the other. It counts that since Linux 6.7 (commit
// dd8657894c11); before, one in a hundred is taken for plenty.
func (l *lab) spare(t testing.TB, got tally) uint64 {
	t.Helper()
	for _, p := range l.self(t).Probes {
		if p.Attached && p.Family == Kprobe {
			return got.lost[lossRecursion] + got.at(Driver, Transmit).Packets/100
		}
	}
	return got.lost[lossRecursion]
}

func (l *lab) snapshot(t testing.TB) tally {
	t.Helper()
	s, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return newTally(s)
}

func (l *lab) self(t testing.TB) Self {
	t.Helper()
	s, err := l.Self()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// probe returns the report on one probe.
func (l *lab) probe(t testing.TB, name string) Probe {
	t.Helper()
	for _, p := range l.self(t).Probes {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no probe %q", name)
	return Probe{}
}

// eventually polls until done says so or until nothing can be expected any more;
// what is missing then is for the caller to notice.
func eventually(t testing.TB, done func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(deadline); {
		if done() {
			return true
		}
	}
	return done()
}

// must stops the test on an error of the load.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A logbook keeps what the engine logs.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// lines returns the lines so far.
func (b *logbook) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for line := range bytes.Lines(b.text.Bytes()) {
		lines = append(lines, string(bytes.TrimRight(line, "\n")))
	}
	return lines
}
