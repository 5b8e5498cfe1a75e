package guarder

import (
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// An AlertList are the rules that somebody is to be told of, as JSON of GET /alerts: it is
// asked for every few seconds, and costs less than [Status].
type AlertList struct {
	// InForce is as in Status.
	InForce string       `json:"in_force"`
	Rules   []RuleStatus `json:"rules"`
}

// A SampleList are the last packets that were copied, the newest last, as JSON of GET
// /samples: of each the first bytes.
type SampleList struct {
	Samples []Sample `json:"samples"`
}

// shownBytes is how much of a packet is told to every user of the host.
const shownBytes = 64

// samplesOf returns those of a Top.
func samplesOf(t Top) SampleList {
	list := SampleList{Samples: []Sample{}}
	for _, s := range t.Samples {
		s.Frame = s.Frame[:min(len(s.Frame), shownBytes)]
		list.Samples = append(list.Samples, s)
	}
	return list
}

// An AlertStatus says when somebody is to be told of a rule: see [policy.Alert].
type AlertStatus struct {
	Name    string  `json:"name"`
	Packets float64 `json:"packets"`
	// Summary is the annotation of that name of the rule, or "".
	Summary string `json:"summary,omitempty"`
	// Times are in seconds.
	OverSeconds       float64 `json:"over_seconds"`
	ForSeconds        float64 `json:"for_seconds,omitempty"`
	KeepFiringSeconds float64 `json:"keep_firing_for_seconds,omitempty"`
	// Device is the only one that the rule is for, if the policy says so by its name.
	Device      string            `json:"device,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Over is the time in which packets are counted.
func (a *AlertStatus) Over() time.Duration { return seconds(a.OverSeconds) }

// For is how long the condition must hold before the alert fires.
func (a *AlertStatus) For() time.Duration { return seconds(a.ForSeconds) }

// KeepFiring is for how long the alert goes on after the condition held last.
func (a *AlertStatus) KeepFiring() time.Duration { return seconds(a.KeepFiringSeconds) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// AlertOf returns the alert of a rule, or nil.
func AlertOf(r *policy.Rule) *AlertStatus {
	a := r.Alert
	if a == nil {
		return nil
	}
	s := &AlertStatus{
		Name: a.Name, Packets: a.Packets, Summary: r.Annotations["summary"], OverSeconds: a.Over.Seconds(), ForSeconds: a.For.Seconds(), KeepFiringSeconds: a.KeepFiring.Seconds(),
		Labels: a.Labels, Annotations: a.Annotations,
	}
	if len(r.Interfaces) == 1 && !strings.ContainsAny(r.Interfaces[0], `*?[\`) {
		s.Device = r.Interfaces[0]
	}
	return s
}
