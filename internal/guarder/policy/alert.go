package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// An Alert says when somebody is to be told that a rule matches, and what. Times are as in
// an alerting rule of Prometheus.
type Alert struct {
	// Name is the label alertname.
	Name string
	// Packets of the time Over, until now, are enough for the condition to hold.
	Packets float64
	Over    time.Duration
	// For is how long it must hold before the alert fires, and KeepFiring for how long the
	// alert goes on after it held last.
	For, KeepFiring time.Duration
	// Labels are more than those that every alert has.
	Labels map[string]string
	// Annotations are templates: see [ParseTemplate].
	Annotations map[string]string
}

// DefaultOver is the time in which packets of an alert are counted: that of the shipped
// rules of Prometheus.
const DefaultOver = 5 * time.Minute

// The bounds of the times of an alert. Counters are read every few seconds, so that a
// shorter time could pass by unseen.
const (
	leastOver   = 10 * time.Second
	mostOver    = 24 * time.Hour
	longestWait = 7 * 24 * time.Hour
)

// maxAlertPackets is the greatest number of packets that an alert may ask for.
const maxAlertPackets = 1_000_000_000

// ownLabels are those of an alert that tell which one it is; a policy does not set them.
var ownLabels = []string{"alertname", "instance", "job", "device", "group", "rule", "mode"}

// attackLabel is the label of rules that alerts are named after.
const attackLabel = "attack"

// alert reads the value of "alert:".
func (r *reader) alert(n *yaml.Node) *Alert {
	a := &Alert{Over: DefaultOver}
	r.mapping(n, "alert", r.alertFields(a))
	if n.Kind == yaml.MappingNode && !has(n, "when") {
		r.fault(n, missingKey, "add when: {packets: 1}, or another number", "the alert says no condition")
	}
	return a
}

func (r *reader) alertFields(a *Alert) []field {
	return []field{
		{"name", "The name of the alert: Guarder and the label attack of the rule, such as GuarderPmtuPoison, unless said otherwise.", plain("string"), func(n *yaml.Node) {
			if text, ok := r.text(n); ok && !labelForm.MatchString(text) {
				r.fault(n, badName, "have letters, digits and _", "bad name %q of an alert", text)
			} else {
				a.Name = text
			}
		}},
		{"when", "How many packets that the rule matches are worth an alert.", refer("when"), func(n *yaml.Node) { r.when(n, a) }},
		{"for", "How long that must be so before the alert fires: 0s unless said otherwise.", plain("string"), func(n *yaml.Node) {
			a.For = r.between(n, "for", 0, longestWait)
		}},
		{"keep_firing_for", "For how long the alert goes on after it was so last: 0s unless said otherwise.", plain("string"), func(n *yaml.Node) {
			a.KeepFiring = r.between(n, "keep_firing_for", 0, longestWait)
		}},
		{"labels", "More labels of the alert, by which Alertmanager chooses who is told.", textsShape(), func(n *yaml.Node) {
			a.Labels = r.texts(n, "labels")
			for key, value := range r.entries(n, "labels") {
				switch {
				case slices.Contains(ownLabels, key.Value):
					r.fault(key, duplicate, "", "the label %q of an alert is set already", key.Value)
				case strings.Contains(value.Value, "{{"):
					r.fault(value, badTemplate, "write it into annotations", "the label %q: a label is no template, as it tells which alert it is", key.Value)
				}
			}
		}},
		{"annotations", "Texts of the alert: templates with fields such as {{.Sources}}.", textsShape(), func(n *yaml.Node) {
			a.Annotations = r.texts(n, "annotations")
			for key, value := range r.entries(n, "annotations") {
				if _, err := ParseTemplate(a.Annotations[key.Value]); err != nil {
					r.fault(value, badTemplate, "", "annotation %q: %v", key.Value, err)
				}
			}
		}},
	}
}

// when reads the condition.
func (r *reader) when(n *yaml.Node, a *Alert) {
	var rate float64
	r.mapping(n, "when", r.whenFields(a, &rate))
	switch {
	case n.Kind != yaml.MappingNode:
	case has(n, "rate") == has(n, "packets"):
		r.fault(n, missingKey, "have rate: or packets:", "the condition must be a rate or a number of packets")
	case rate > 0:
		a.Packets = rate * a.Over.Seconds()
		if a.Packets < 1 {
			r.fault(n, outOfRange, "lengthen over, or say packets: 1", "the rate is less than one packet in %v", model.Duration(a.Over))
		}
	}
}

func (r *reader) whenFields(a *Alert, rate *float64) []field {
	return []field{
		{"rate", "Packets, such as 5/m: as many as that makes in over, or more.", plain("string"), func(n *yaml.Node) {
			faults := len(r.faults)
			if *rate = r.rate(n, "rate"); *rate == 0 && len(r.faults) == faults {
				r.fault(n, outOfRange, "", "rate %s: want more than none", n.Value)
			}
		}},
		{"packets", "Packets within over, or more.", plain("integer"), func(n *yaml.Node) {
			packets, _ := r.number(n, "packets", 1, maxAlertPackets)
			a.Packets = float64(packets)
		}},
		{"over", "The time until now in which packets are counted: 5m unless said otherwise.", plain("string"), func(n *yaml.Node) {
			a.Over = r.between(n, "over", leastOver, mostOver)
		}},
	}
}

// between returns a time within bounds, or the least with a fault recorded.
func (r *reader) between(n *yaml.Node, what string, least, most time.Duration) time.Duration {
	faults := len(r.faults)
	d := r.duration(n, what)
	if len(r.faults) > faults {
		return least
	}
	if d < least || d > most {
		r.fault(n, outOfRange, "", "%s %s: want a time from %v to %v", what, n.Value, model.Duration(least), model.Duration(most))
		return least
	}
	return d
}

// named returns the alert of a rule with its name.
func (a *Alert) named(r *Rule) *Alert {
	if a == nil || a.Name != "" {
		return a
	}
	of := r.Labels[attackLabel]
	if of == "" {
		of = r.Name
	}
	a.Name = AlertName(of)
	return a
}

// AlertName returns the name of the alert on an attack: GuarderPmtuPoison for pmtu_poison.
// Attacks are labels, whose text is free: what is no letter or digit parts words.
func AlertName(attack string) string {
	name := "Guarder"
	for _, word := range strings.FieldsFunc(attack, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')
	}) {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}
