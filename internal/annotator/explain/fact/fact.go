package fact

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A Fact is one thing that is known.
type Fact struct {
	// ID is "F1", "F2" and so on, within its set; Number gives it.
	ID string `json:"id"`
	// Name says what it is: that of a query of package evidence, such as "drop_rate".
	Name string `json:"name"`
	// Value is the number, in base units; if Text is not "", it says nothing.
	Value float64 `json:"value"`
	// Text is a word in place of a number, such as a country.
	Text string `json:"text,omitempty"`
	Unit Unit   `json:"unit"`
	// Window is over how long the number was taken; 0 means that it is of one moment.
	Window time.Duration `json:"window,omitempty"`
	// Before is how long ago it was so; 0 means now.
	Before time.Duration `json:"before,omitempty"`
	// Query is the handle of the query that it is the result of, or "" if it is of none.
	Query string `json:"query,omitempty"`
	// Of are the labels that it has for itself, as handles or words, by name.
	Of []Label `json:"of,omitempty"`
}

// A Label is a label that may be shown: its value is a handle or a word.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Get returns the value of one of the labels that the fact has for itself, or "".
func (f Fact) Get(name string) string { return get(f.Of, name) }

func get(all []Label, name string) string {
	for _, l := range all {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// A Gap is something that should be known and is not.
type Gap struct {
	// Name is that of the query, and Before as in Fact.
	Name   string        `json:"name"`
	Before time.Duration `json:"before,omitempty"`
	Why    Why           `json:"why"`
}

// Why something is not known.
type Why string

// The reasons. They are all that there are: metrics count by them.
const (
	NoData     Why = "no_data"     // the query has no result
	Failed     Why = "failed"      // the server answered with an error, or not at all
	TimedOut   Why = "timed_out"   // the time for one query or for all was over
	LeftOut    Why = "left_out"    // too many queries or results
	NotANumber Why = "not_finite"  // the result is no number
	Ambiguous  Why = "ambiguous"   // there are several results where one is meant
	NoLabel    Why = "no_label"    // the alert lacks a label that the query needs, or it has not its form
	NoEvidence Why = "no_evidence" // nobody has said what to ask about this alert
	Unlisted   Why = "unlisted"    // the exporter of the host is none of those that may be asked
	Off        Why = "off"         // the exporter does not tell it
	NoAnswer   Why = "no_answer"   // the exporter or the agent of Guarder did not answer, or not as it should
	Over       Why = "over"        // the alert is over, and it is told of now only
)

// Words returns the reason for people.
func (w Why) Words() string {
	switch w {
	case NoData:
		return "Prometheus has no data for it"
	case Failed:
		return "Prometheus did not answer the query"
	case TimedOut:
		return "the answer took too long"
	case LeftOut:
		return "there was more than may be asked"
	case Ambiguous:
		return "there are several where one is meant"
	case NotANumber:
		return "the result is not a number"
	case NoLabel:
		return "the alert lacks a label for it"
	case Unlisted:
		return "the exporter of this host is not among those that may be asked"
	case Off:
		return "the exporter of this host does not tell it"
	case NoAnswer:
		return "the exporter of this host, or its Guarder, did not answer"
	case Over:
		return "the alert is over"
	}
	return "nothing is known to ask about this alert"
}

// Asked is a query by its name and its handle.
type Asked struct {
	Name  string `json:"name"`
	Query string `json:"query"`
}

// An Alert is what is said of the alert itself.
type Alert struct {
	// Name is a word, or "" if what the alert calls itself is none.
	Name     string `json:"name"`
	Severity string `json:"severity,omitempty"`
	// Labels are those that may be shown, by name.
	Labels []Label `json:"labels,omitempty"`
}

// Get returns the value of a label, or "".
func (a Alert) Get(name string) string { return get(a.Labels, name) }

// A Host is what a set is about that is about no alert.
type Host struct {
	// Window is over how long was looked, up to now.
	Window time.Duration `json:"window"`
	// Scopes are the parts that were looked at, see package evidence.
	Scopes []string `json:"scopes"`
}

// A Set is all that is known about one alert, or about a host.
type Set struct {
	Alert Alert `json:"alert"`
	// Host is nil if there is an alert. Else the labels of Alert are those of the host.
	Host  *Host  `json:"host,omitempty"`
	Facts []Fact `json:"facts"`
	Gaps  []Gap  `json:"gaps"`
	// Asked are the queries that were asked, or would have been, in their order.
	Asked []Asked `json:"asked,omitempty"`
	// Withheld is how many labels were not taken over, as nobody has allowed them or their
	// values have not their form.
	Withheld int `json:"withheld"`
	// Hidden are the names of these labels, each once.
	Hidden []string `json:"hidden,omitempty"`
	// Suspect are the names of labels whose values hide characters or are sentences: a
	// hint at text that somebody has planted.
	Suspect []string `json:"suspect,omitempty"`
}

// Show returns the labels that may be shown, as the function of this name does, and notes the
// others in the set.
func (s *Set) Show(t *handle.Table, labels map[string]string) []Label {
	shown, hidden, suspect := Show(t, labels)
	s.Withheld += len(hidden)
	s.Suspect = append(s.Suspect, suspect...)
	for _, name := range hidden {
		if !slices.Contains(s.Hidden, name) {
			s.Hidden = append(s.Hidden, name)
		}
	}
	return shown
}

// Number puts facts and gaps into their order, whatever the order in which they became
// known, and gives facts their IDs. The order is that of names in the list, then from now
// back, then from the largest value on.
func (s *Set) Number(names []string) {
	place := func(name string) int {
		if i := slices.Index(names, name); i >= 0 {
			return i
		}
		return len(names)
	}
	slices.SortStableFunc(s.Facts, func(a, b Fact) int {
		return cmp.Or(
			cmp.Compare(place(a.Name), place(b.Name)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Before, b.Before),
			cmp.Compare(b.Value, a.Value), cmp.Compare(a.Text, b.Text), slices.CompareFunc(a.Of, b.Of, compareLabels),
		)
	})
	slices.SortStableFunc(s.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(place(a.Name), place(b.Name)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Before, b.Before))
	})
	for i := range s.Facts {
		s.Facts[i].ID = fmt.Sprintf("F%d", i+1)
	}
}

func compareLabels(a, b Label) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
}

// Find returns the fact of an ID.
func (s *Set) Find(id string) (Fact, bool) {
	i := slices.IndexFunc(s.Facts, func(f Fact) bool { return f.ID == id })
	if i < 0 {
		return Fact{}, false
	}
	return s.Facts[i], true
}

// Now returns the facts of a name that are of now, the largest first.
func (s *Set) Now(name string) []Fact { return s.At(name, 0) }

// At returns the facts of a name that were so some time ago, the largest first.
func (s *Set) At(name string, before time.Duration) []Fact {
	var out []Fact
	for _, f := range s.Facts {
		if f.Name == name && f.Before == before {
			out = append(out, f)
		}
	}
	return out
}
