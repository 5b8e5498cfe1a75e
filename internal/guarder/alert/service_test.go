package alert

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
)

// An agent has one rule.
type agent struct {
	mu      sync.Mutex
	packets uint64
	err     error
	inForce string
	hits    guarder.HitList
	asked   int // for hits
}

// set changes what it tells.
func (a *agent) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (a *agent) Alerts() (guarder.AlertList, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return guarder.AlertList{InForce: a.inForce, Rules: []guarder.RuleStatus{rule(a.packets)}}, a.err
}

func (a *agent) Hits() (guarder.HitList, error) {
	a.asked++
	return a.hits, nil
}

func (a *agent) Samples() (guarder.SampleList, error) {
	return guarder.SampleList{}, guarder.ErrNotTold
}

// told returns what a queue was given, as State and start.
func told(p *poster) (all []string) {
	for _, post := range p.posts {
		for _, a := range post {
			all = append(all, string(a.State)+" "+a.FiredAt.UTC().Format("15:04:05"))
		}
	}
	return all
}

// newService has alerts sent to a poster.
func newService(t *testing.T, a Agent, state string, p *poster) *Service {
	t.Helper()
	s, err := NewService(Config{Identity: Identity{Instance: "h"}, State: state}, a, time.Now, discard)
	if err != nil {
		t.Fatal(err)
	}
	s.queues = []*Queue{NewQueue(p, discard)}
	return s
}

// TestAKilledServiceGoesOn kills one at each of many moments, and starts another one: the
// alert is one, with one start.
func TestAKilledServiceGoesOn(t *testing.T) {
	for _, life := range []time.Duration{7 * time.Second, 33 * time.Second, 66 * time.Second, 200 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a, p := &agent{inForce: guarder.InForcePolicy}, &poster{}
			state := filepath.Join(t.TempDir(), "alerts.json")
			for begin := time.Now(); time.Since(begin) < 20*time.Minute; {
				s := newService(t, a, state, p)
				ctx, cancel := context.WithTimeout(t.Context(), life)
				go func() {
					time.Sleep(6 * time.Second)
					a.set(func() { a.packets = 9 }) // all of them, in the first life
				}()
				s.Run(ctx)
				cancel()
				time.Sleep(3 * time.Second) // nobody looks
			}
			starts, ends := map[string]bool{}, 0
			for _, line := range told(p) {
				state, at, _ := strings.Cut(line, " ")
				starts[at] = true
				if state == "resolved" {
					ends++
				}
			}
			if len(starts) != 1 || ends == 0 || ends > 16 || len(told(p)) < 10 {
				t.Errorf("lives of %v: starts %v, %d ends: %v", life, starts, ends, told(p))
			}
		})
	}
}

func TestEvidenceIsAskedForWhenSomethingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, p := &agent{inForce: guarder.InForcePolicy}, &poster{}
		s := newService(t, a, "", p)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		time.Sleep(10*time.Minute + time.Second)
		if a.asked != 0 {
			t.Errorf("asked %d times for nothing", a.asked)
		}
		a.set(func() { a.packets = 5 }) // pending at 10:05, told at 11:05, 12:05 and 13:05
		time.Sleep(3*time.Minute + 10*time.Second)
		synctest.Wait()
		if a.asked != 3 || len(told(p)) != 3 {
			t.Errorf("asked %d times, told %v, want 3", a.asked, told(p))
		}
		if diff := cmp.Diff(map[State]int{Pending: 0, Firing: 1, Resolved: 0}, s.Report().Alerts); diff != "" {
			t.Errorf("alerts (-want +got):\n%s", diff)
		}
		cancel()
		synctest.Wait()
	})
}

func TestWithoutAPolicyNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, p := &agent{inForce: guarder.InForcePolicy}, &poster{}
		s := newService(t, a, "", p)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		time.Sleep(6 * time.Second)
		a.set(func() { a.packets = 5 })
		time.Sleep(2 * time.Minute)
		a.set(func() { a.inForce, a.packets = guarder.InForceEarlier, 0 })
		time.Sleep(time.Minute)
		a.set(func() { a.err = errors.New("gone") })
		time.Sleep(time.Minute)
		synctest.Wait() // for the queue, which still writes down what it was given
		for _, line := range told(p) {
			if !strings.HasPrefix(line, "firing") {
				t.Errorf("told %v", told(p))
			}
		}
		if len(told(p)) < 3 {
			t.Errorf("told %v", told(p))
		}
		cancel()
		synctest.Wait()
	})
}

func TestBadStatesBeginAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alerts.json")
	for _, text := range []string{
		"", "x", "{}", `{"version":9}`, `{"version":1,"alerts":[null]}`, `{"version":1,"alerts":[{"labels":{}}]}`,
		`{"version":1,"windows":{"g/r":null}}`, `{"version":1,"windows":{"g/r":{"last":1}}}`, `{"version":1,"rules":[{"group":"g"}]}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, f := newMachine(), &File{Path: file}
		if err := f.Load(m); err == nil {
			t.Errorf("%s is taken", text)
		}
		m.Eval(start, []guarder.RuleStatus{rule(1)}, saysNothing)
		if err := f.Save(m); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := f.Load(newMachine()); err != nil {
			t.Errorf("%s: then %v", text, err)
		}
	}
}

func TestAnnotationsTellTheEvidence(t *testing.T) {
	number, otherRule := uint32(3), uint32(4)
	boot := start.Add(-time.Hour)
	hit := func(source string, rule uint32, packets uint64, ago time.Duration) guarder.Hit {
		return guarder.Hit{Source: netip.MustParseAddr(source), Rule: rule, Packets: packets, Last: uint64(time.Hour - ago)}
	}
	e := &Evidence{
		Hits: guarder.HitList{Boot: boot, Hits: []guarder.Hit{
			hit("192.0.2.1", number, 1, 0), hit("192.0.2.2", number, 20, 0), hit("192.0.2.3", number, 3, 0), hit("2001:db8:1::", number, 4, 0),
			hit("192.0.2.5", number, 5, 0), hit("192.0.2.6", number, 6, 0), hit("192.0.2.7", number, 7, time.Minute),
			hit("192.0.2.8", number, 800, 20*time.Minute), hit("192.0.2.9", otherRule, 900, 0),
			{Rule: number, Packets: 1000, Last: uint64(time.Hour)},
		}},
		Samples: []guarder.Sample{
			{Group: "g", Rule: "r", Frame: []byte{1}}, {Group: "g", Rule: "r", Frame: append([]byte{0xab}, make([]byte, 100)...)}, {Group: "g", Rule: "x", Frame: []byte{2}},
		},
		Locate: func(a netip.Addr) (string, uint32, string) {
			switch {
			case a.Is6():
				return "", 0, ""
			case a == netip.MustParseAddr("192.0.2.2"):
				return "DE", 64500, "Evil\n" + strings.Repeat("é", 100)
			}
			return "FR", 64501, ""
		},
	}
	r := rule(0)
	r.Number, r.Place = &number, "p.yaml:7:3"
	r.Alert.Summary = "A forged packet."
	r.Alert.Annotations = map[string]string{"countries": "", "own": `{{.Rate}} {{if eq .Mode "audit"}}passes{{end}}`, "long": strings.Repeat("{{.Sources}}", 300)}
	a := &Alert{Labels: newMachine().labels(&r), ActiveAt: start, Packets: 30}
	got := e.Annotate(&r, a)
	sources := "192.0.2.2 (20), 192.0.2.7 (7), 192.0.2.6 (6), 192.0.2.5 (5), 2001:db8:1::/64 (4), 2 more"
	want := map[string]string{
		"summary":     "A forged packet. (h, rule g/r, dropped)",
		"description": "The rule matched 30 packets in 5m. Most came from " + sources + `; a source can be forged. "packetscope guard top" on the host shows more.`,
		"packets":     "30", "place": "p.yaml:7:3", "sources": sources, "own": "0.1 ",
		"networks": "AS64501 (22), AS64500 Evil" + strings.Repeat("é", 30) + " (20)",
		"sample":   "ab" + strings.Repeat("00", 63),
		"long":     strings.Repeat(sources, 30)[:maxAnnotation],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if bare := new(Evidence).Annotate(&r, a); bare["sources"] != "" || bare["sample"] != "" || !strings.HasPrefix(bare["description"], "The rule matched 30 packets in 5m. \"packetscope") {
		t.Errorf("without evidence: %v", bare)
	}
}
