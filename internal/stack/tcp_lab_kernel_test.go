//go:build kernel && linux

package stack

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A health is what TCP did, by name, so that it can be compared as a whole. Round
// trips are apart: there is one per segment.
type health map[string]uint64

func (l *lab) health(t testing.TB) health {
	t.Helper()
	all := l.tcpNow(t)
	h := health{
		"out of order":     all.Counters.OutOfOrder,
		"listen overflows": all.Counters.ListenOverflows,
		"listen drops":     all.Counters.ListenDrops,
		"cookies sent":     all.Counters.CookiesSent,
		"cookies received": all.Counters.CookiesReceived,
		"cookies failed":   all.Counters.CookiesFailed,
		"challenge acks":   all.Counters.ChallengeAcks,
	}
	for _, r := range all.Retransmits {
		h["retransmit "+r.Family+" "+r.Kind] = r.Segments
	}
	for _, r := range all.Resets {
		h[fmt.Sprintf("reset %s %v %s", r.Family, r.Direction, r.Reason)] = r.Segments
	}
	for _, c := range all.Connects {
		h["connect "+c.Family+" "+c.Role+" "+c.Result] = c.Count()
	}
	for side, d := range all.ZeroWindowTimes {
		h["zero window timed "+side] = d.Count()
	}
	for prefix, counts := range map[string]map[string]uint64{
		"zero window ": all.ZeroWindows, "congestion ": all.Congestion,
		"duplicate acks ": all.DuplicateAcks, "bad checksums ": all.BadChecksums,
	} {
		for name, n := range counts {
			h[prefix+name] = n
		}
	}
	return h
}

// tcpAlone leaves out all other probes, which take long to open in an emulated machine.
func tcpAlone() Config {
	return Config{Disable: allBut(GroupTCP)}
}

func (l *lab) tcpNow(t testing.TB) TCP {
	t.Helper()
	all, err := l.TCP()
	must(t, err)
	if all.NamespacesRead != 1 || all.NamespacesUnread != 0 {
		t.Errorf("%d namespaces read and %d not, want the own one", all.NamespacesRead, all.NamespacesUnread)
	}
	return all
}

// during returns what TCP did while load ran.
func (l *lab) during(t testing.TB, load func()) health {
	t.Helper()
	before := l.health(t)
	load()
	return subtract(l.health(t), before, minus)
}

// repeat runs check again if the witness shows that the kernel ran no program for some
// packet of it, and only then: see witness.
func (w *witness) repeat(t *testing.T, n *testnet.Net, check func(testing.TB)) {
	t.Helper()
	for range 5 {
		trial := &trial{TB: t}
		seen, sent := w.count(t), sentBy(t, n)
		check(trial)
		if len(trial.failures) == 0 {
			return
		}
		if w.count(t)-seen >= sentBy(t, n)-sent {
			for _, f := range trial.failures {
				t.Error(f)
			}
			return
		}
		t.Log("this kernel ran no program for a packet; once more")
	}
	t.Error("this kernel ran no program for some packets of each attempt")
}

func sentBy(t testing.TB, n *testnet.Net) (sum uint64) {
	t.Helper()
	for _, ns := range []*testnet.Namespace{n.Left, n.Right} {
		_, sent := ns.Packets(t)
		sum += sent
	}
	return sum
}

// A trial is a test whose failures may not count.
type trial struct {
	testing.TB
	failures []string
}

// Errorf implements testing.TB.
func (t *trial) Errorf(format string, args ...any) {
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}

// Error implements testing.TB.
func (t *trial) Error(args ...any) { t.failures = append(t.failures, fmt.Sprint(args...)) }

// want compares as a whole: what is counted in addition fails too.
func (h health) want(t testing.TB, want health) {
	t.Helper()
	want = maps.Clone(want)
	maps.DeleteFunc(want, func(name string, n uint64) bool { return name == "" || n == 0 })
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("TCP (-want +got):\n%s", diff)
	}
}

// takeRetransmits removes the data that was sent again and returns how much it was.
func (h health) takeRetransmits(f testnet.Family) (segments uint64) {
	for _, kind := range []string{"fast", "rto", "tlp"} {
		name := fmt.Sprintf("retransmit %v %s", f, kind)
		segments += h[name]
		delete(h, name)
	}
	return segments
}

// takeRecovery removes what a loss, or what is taken for one, brings about.
func (h health) takeRecovery() {
	maps.DeleteFunc(h, func(name string, _ uint64) bool {
		return strings.HasPrefix(name, "congestion ") || strings.HasPrefix(name, "duplicate acks ") || name == "out of order"
	})
}

// resetName is the entry of a reset sent for a reason, "" where the kernel would not
// count it. Kernels that have reasons, but not this one, do not specify it.
func (l *lab) resetName(f testnet.Family, reason string, hasSocket bool) string {
	reasons := l.tcp.reasons
	if len(reasons) == 0 && !hasSocket {
		return ""
	}
	known := ""
	for _, name := range reasons {
		switch {
		case name == reason:
			known = reason
		case name == "NOT_SPECIFIED" && known == "":
			known = name
		}
	}
	return fmt.Sprintf("reset %v %v %s", f, Transmit, known)
}
