package posture

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func exceptionsOf(four, six Exceptions, err error) func(uint8) (Exceptions, error) {
	return func(family uint8) (Exceptions, error) {
		if family == unix.AF_INET6 {
			return six, nil
		}
		return four, err
	}
}

// lastFinding returns the one about exceptions.
func lastFinding(t *testing.T, r Report) Finding {
	t.Helper()
	f := r.Findings[len(r.Findings)-1]
	if f.Check.Name != PMTUExceptions {
		t.Fatalf("the last finding is %s", f.Check.Name)
	}
	return f
}

func TestReportTellsTheTraceOfForgedICMP(t *testing.T) {
	for _, c := range []struct {
		claim  string
		four   Exceptions
		err    error
		state  State
		value  int
		reason string
	}{
		{"none", Exceptions{}, nil, OK, 0, ""},
		{"usual ones", Exceptions{All: 7}, nil, OK, 0, ""},
		{"at the floor", Exceptions{All: 7, Floor: 2}, nil, Exposed, 2, ""},
		{"unreadable", Exceptions{}, errors.New("denied"), Unknown, 0, "denied"},
	} {
		six := Exceptions{All: 3, Floor: 3}
		r, err := Host{Root: recorded(), Kinds: oneCard, Exceptions: exceptionsOf(c.four, six, c.err)}.Report()
		if err != nil {
			t.Fatal(err)
		}
		f := lastFinding(t, r)
		if f.State != c.state || f.Value != c.value || f.Reason != c.reason {
			t.Errorf("%s: %v %d %q, want %v %d %q", c.claim, f.State, f.Value, f.Reason, c.state, c.value, c.reason)
		}
		if (r.IPv4 == nil) != (c.err != nil) {
			t.Errorf("%s: IPv4 is %v", c.claim, r.IPv4)
		}
		if diff := cmp.Diff(&six, r.IPv6); diff != "" {
			t.Errorf("%s: IPv6 (-want +got):\n%s", c.claim, diff)
		}
	}
}

// TestReaderLooksEveryHalfMinute also has the clock step back, after which a report must
// not stand until the clock has caught up.
func TestReaderLooksEveryHalfMinute(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	looks := 0
	h := Host{Root: recorded(), Kinds: func() (map[string]string, error) {
		looks++
		return map[string]string{"eth0": "device"}, nil
	}, Exceptions: exceptionsOf(Exceptions{}, Exceptions{}, nil)}
	r := NewReader(h, func() time.Time { return now })
	for _, c := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {29 * time.Second, 1}, {time.Second, 2}, {time.Second, 2}, {-time.Hour, 3}} {
		now = now.Add(c.pass)
		report, err := r.Report()
		if err != nil || len(report.Findings) != len(Checks()) {
			t.Fatalf("%d findings, %v", len(report.Findings), err)
		}
		if looks != c.want {
			t.Errorf("after %v: %d looks, want %d", c.pass, looks, c.want)
		}
	}
}

func TestReaderTriesAgainAfterAnError(t *testing.T) {
	broken := true
	h := Host{Root: recorded(), Kinds: func() (map[string]string, error) {
		if broken {
			return nil, errors.New("broken")
		}
		return oneCard()
	}, Exceptions: exceptionsOf(Exceptions{}, Exceptions{}, nil)}
	r := NewReader(h, func() time.Time { return time.Unix(1_700_000_000, 0) })
	if _, err := r.Report(); err == nil {
		t.Error("no error")
	}
	broken = false
	if report, err := r.Report(); err != nil || len(report.Findings) == 0 {
		t.Errorf("%d findings, %v", len(report.Findings), err)
	}
}
