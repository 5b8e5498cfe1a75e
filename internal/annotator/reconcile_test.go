//go:build unix

package annotator

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// alertmanager is a list of active alerts.
type alertmanager struct {
	mu     sync.Mutex
	alerts []ActiveAlert
	muted  bool // all that is set
	fault  error
}

func (a *alertmanager) Active(context.Context) ([]ActiveAlert, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.alerts, a.fault
}

func (a *alertmanager) set(starts time.Time, all ...map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.alerts = nil
	for _, labels := range all {
		a.alerts = append(a.alerts, ActiveAlert{Fingerprint: webhook.Fingerprint(labels), Labels: labels, StartsAt: starts, Muted: a.muted})
	}
}

func (a *alertmanager) fail() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = errBroken
}

// status is what tests look at of an episode.
type status struct {
	Group   string
	Open    bool
	Firing  int
	Alerts  int
	Revised int
}

func statuses(t testing.TB, e *Engine) []status {
	t.Helper()
	all, err := e.Store.Episodes(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var out []status
	for _, p := range all {
		s := status{Group: p.Group, Open: p.Open(), Alerts: len(p.Alerts), Revised: p.Revision}
		for _, a := range p.Alerts {
			if a.EndsAt.IsZero() {
				s.Firing++
			}
		}
		out = append(out, s)
	}
	return out
}

// healing runs a test with an engine that looks at a list.
func healing(t *testing.T, test func(t *testing.T, p *process, list *alertmanager, s *memorySink)) {
	synctest.Test(t, func(t *testing.T) {
		list, s := &alertmanager{}, &memorySink{name: "memory"}
		test(t, start(t, dbPath(t), Config{}, Parts{Alerts: list, Sinks: []sink.Sink{s}}, nil), list, s)
	})
}

func expectStatuses(t testing.TB, e *Engine, want ...status) {
	t.Helper()
	if diff := cmp.Diff(want, statuses(t, e)); diff != "" {
		t.Errorf("episodes (-want +got):\n%s", diff)
	}
}

func TestALostEndIsHealed(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, s *memorySink) {
		m := firing("g", flood)
		list.set(m.starts, flood)
		tell(t, p, m)
		pass(10 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", true, 1, 1, 1})
		list.set(m.starts)
		pass(2 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", true, 1, 1, 1})
		pass(2 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", false, 0, 1, 2})
		if got := s.told(); len(got) != 2 || got[1].Status != sink.Resolved {
			t.Errorf("told %+v", got)
		}
		want := map[string]uint64{"closed": 1, "done": 15}
		if diff := cmp.Diff(want, p.Snapshot().Reconciled); diff != "" {
			t.Errorf("reconciled (-want +got):\n%s", diff)
		}
	})
}

func TestAnAlertmanagerThatWasStartedAnewEndsNothing(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
		m := firing("g", flood)
		list.set(m.starts, flood)
		tell(t, p, m)
		pass(10 * time.Minute)
		list.set(m.starts)
		pass(90 * time.Second)
		list.set(m.starts, flood)
		pass(time.Minute)
		list.set(m.starts)
		pass(90 * time.Second)
		list.set(m.starts, flood)
		pass(10 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", true, 1, 1, 1})
	})
}

func TestALostEndOfOneOfManyIsHealed(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
		other := with(flood, "instance", "web-2:10142")
		m := firing("g", flood, other)
		list.set(m.starts, flood)
		tell(t, p, m)
		pass(4 * time.Minute)
		got := statuses(t, p.Engine)
		if len(got) != 1 || !got[0].Open || got[0].Firing != 1 || got[0].Alerts != 2 {
			t.Errorf("episodes %+v", got)
		}
		if v, err := p.Episode(episodeOf(t, p.Engine)); err != nil || v.Alert.Labels["instance"] != flood["instance"] {
			t.Errorf("%+v leads, %v", v.Alert, err)
		}
	})
}

func TestWhatFiresUnknownIsOpenedWhenItIsSeenTwice(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, s *memorySink) {
		pass(time.Second)
		list.set(time.Now().UTC(), flood)
		pass(time.Minute)
		expectStatuses(t, p.Engine)
		pass(time.Minute)
		expectStatuses(t, p.Engine, status{foundGroup + webhook.Fingerprint(flood), true, 1, 1, 1})
		if got := s.messages(); len(got) != 1 || got[0].Alert.Name != flood["alertname"] || got[0].Explanation.Verdict != "volumetric_attack" {
			t.Errorf("told %+v", got)
		}
		list.set(time.Time{})
		pass(4 * time.Minute)
		expectStatuses(t, p.Engine, status{foundGroup + webhook.Fingerprint(flood), false, 0, 1, 2})
	})
}

func TestWhatWasFoundEndsWhenItsMessageComes(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
		m := firing("g", flood)
		list.set(m.starts, flood)
		pass(2*time.Minute + time.Second)
		found := foundGroup + webhook.Fingerprint(flood)
		expectStatuses(t, p.Engine, status{found, true, 1, 1, 1})
		tell(t, p, m)
		pass(2 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", true, 1, 1, 1}, status{found, false, 0, 1, 2})
	})
}

func TestWhatWasKeptBackJoinsItsGroup(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
		hidden := with(flood, "instance", "web-2:10142")
		m := firing("g", flood)
		list.set(m.starts, flood, hidden)
		d, err := webhook.Decode(m.body(t))
		if err != nil {
			t.Fatal(err)
		}
		d.Truncated = 1
		if _, err := p.put(t.Context(), webhook.Delivery{Message: d, Body: m.body(t)}); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Minute)
		got := statuses(t, p.Engine)
		if len(got) != 1 || got[0].Firing != 2 {
			t.Fatalf("episodes %+v", got)
		}
		list.set(m.starts)
		pass(4 * time.Minute)
		if got := statuses(t, p.Engine); len(got) != 1 || got[0].Open {
			t.Errorf("episodes %+v", got)
		}
	})
}

func TestWhatIsMutedIsNeitherOpenedNorEnded(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
		list.muted = true
		m := firing("g", flood)
		list.set(m.starts, flood, with(flood, "instance", "web-2:10142"))
		tell(t, p, m)
		pass(10 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", true, 1, 1, 1})
	})
}

func TestAListThatCannotBeReadChangesNothing(t *testing.T) {
	healing(t, func(t *testing.T, p *process, list *alertmanager, _ *memorySink) {
		list.fail()
		m := firing("g", flood)
		tell(t, p, m)
		pass(10 * time.Minute)
		expectStatuses(t, p.Engine, status{"g", true, 1, 1, 1})
		if code := post(t, p.Engine, m.over().body(t)); code != http.StatusAccepted {
			t.Error(code)
		}
		if got := p.Snapshot().Reconciled; got["failed"] < 10 || got["closed"]+got["ended"]+got["opened"] != 0 {
			t.Errorf("reconciled %v", got)
		}
	})
}

func TestWhatIsNoMessageIsBuried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, dbPath(t), Config{}, Parts{}, nil)
		if code := post(t, p.Engine, []byte("hello")); code != http.StatusBadRequest {
			t.Error(code)
		}
		letters, err := p.Store.Letters(store.DeadMessage)
		if err != nil || len(letters) != 1 || string(letters[0].Body) != "hello" {
			t.Errorf("%+v, %v", letters, err)
		}
	})
}
