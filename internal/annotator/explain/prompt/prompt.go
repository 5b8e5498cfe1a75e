package prompt

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// MostBytes is the most that the facts may take; what is over is left out from the end.
const MostBytes = 12 << 10

// A Prompt is what is asked.
type Prompt struct {
	System, User string
	// Version and Mode are those that it was written with, and LeftOut is how many facts
	// found no room.
	Version int
	Mode    Mode
	LeftOut int
	// Key is the same for all questions that differ in names and in small changes of
	// numbers only.
	Key string

	// names are those that handles have in the key.
	names map[string]string
}

// Input is what a prompt is made of.
type Input struct {
	Set   *fact.Set
	Table *handle.Table
	Mode  Mode
	// Meaning says what the alert is about, in words of this program.
	Meaning string
	// Focus is what the operator wants to know, in the mode Custom.
	Focus string
	// Values tells that addresses and names are shown in place of their handles, but for
	// those that could hold a sentence.
	Values bool
	// Marker is 24 digits of hexadecimal, see [Marker].
	Marker string
}

// Marker reads 96 bits of chance.
func Marker(random io.Reader) (string, error) {
	var b [12]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("read chance for a marker: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

var markerForm = regexp.MustCompile(`^[0-9a-f]{24}$`)

// New writes a prompt.
func New(in Input) (Prompt, error) {
	switch {
	case !markerForm.MatchString(in.Marker):
		return Prompt{}, errors.New("write prompt: the marker is not 24 digits of hexadecimal")
	case sentences[in.Mode] == "":
		return Prompt{}, fmt.Errorf("write prompt: there is no mode %q", in.Mode)
	case (in.Mode == Custom) != (in.Focus != ""):
		return Prompt{}, fmt.Errorf("write prompt: a focus belongs to the mode %q, and to no other", Custom)
	}
	focus, err := focusOf(in.Focus, in.known)
	if err != nil {
		return Prompt{}, err
	}
	p := Prompt{System: systemFor(in.Values), Version: Version, Mode: in.Mode}
	d := document(in, focus)
	line, err := json.Marshal(d)
	for err == nil && len(line) > MostBytes && len(d.Facts) > 0 {
		d.Facts = less(d.Facts)
		p.LeftOut++
		d.LeftOut = p.LeftOut
		line, err = json.Marshal(d)
	}
	if err != nil {
		return Prompt{}, fmt.Errorf("write prompt: %w", err)
	}
	if len(line) > MostBytes {
		return Prompt{}, fmt.Errorf("write prompt: the facts take more than %d bytes without any number", MostBytes)
	}
	p.User = fmt.Sprintf("BEGIN FACTS %s\n%s\nEND FACTS %s\n%s %s\n", in.Marker, line, in.Marker, task(in.Set), sentences[in.Mode])
	p.Key, p.names = key(in, focus)
	return p, nil
}

// task says what is to be explained.
func task(s *fact.Set) string {
	if s.Host != nil {
		return "Explain how the host is over the window. The verdict is inconspicuous if nothing stands out."
	}
	return "Explain the alert."
}

// less leaves out the last fact, of what was before as long as there is any: how a number
// has changed is another fact.
func less(facts []factJSON) []factJSON {
	last := len(facts) - 1
	for i := last; i >= 0; i-- {
		if facts[i].Ago != "" && !strings.HasSuffix(facts[i].Name, evidence.Change) {
			last = i
			break
		}
	}
	return slices.Delete(facts, last, last+1)
}

// factsJSON is the line of facts. It has either an alert or a host.
type factsJSON struct {
	Alert    *alertJSON  `json:"alert,omitempty"`
	Host     *hostJSON   `json:"host,omitempty"`
	Facts    []factJSON  `json:"facts"`
	Gaps     []gapJSON   `json:"gaps"`
	Queries  []namedJSON `json:"queries"`
	Commands []string    `json:"commands,omitempty"`
	Withheld int         `json:"labels_withheld"`
	LeftOut  int         `json:"facts_left_out,omitempty"`
	Focus    string      `json:"focus,omitempty"`
}

type alertJSON struct {
	Name     string            `json:"name"`
	Severity string            `json:"severity,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Meaning  string            `json:"meaning,omitempty"`
}

type hostJSON struct {
	Labels map[string]string `json:"labels,omitempty"`
	Window string            `json:"window"`
	Scope  []string          `json:"scope"`
	// Meaning is what stands out by the rules of this program.
	Meaning string `json:"meaning,omitempty"`
}

type factJSON struct {
	ID    string            `json:"id"`
	Name  string            `json:"name"`
	Value *float64          `json:"value,omitempty"`
	Word  string            `json:"word,omitempty"`
	Says  string            `json:"says"`
	Of    map[string]string `json:"of,omitempty"`
	Over  string            `json:"over,omitempty"`
	Ago   string            `json:"ago,omitempty"`
	Query string            `json:"query,omitempty"`
}

type gapJSON struct {
	Name string `json:"name"`
	Ago  string `json:"ago,omitempty"`
	Why  string `json:"why"`
}

type namedJSON struct {
	ID   string `json:"id"`
	Asks string `json:"asks"`
}

func document(in Input, focus string) factsJSON {
	s := in.Set
	d := factsJSON{
		Facts: []factJSON{}, Gaps: []gapJSON{}, Queries: []namedJSON{}, Withheld: s.Withheld, Focus: focus,
	}
	if h := s.Host; h != nil {
		d.Host = &hostJSON{in.labels(s.Alert.Labels), seconds(h.Window.Seconds()), h.Scopes, in.text(in.Meaning)}
	} else {
		d.Alert = &alertJSON{Name: s.Alert.Name, Severity: s.Alert.Severity, Labels: in.labels(s.Alert.Labels), Meaning: in.text(in.Meaning)}
	}
	for _, f := range s.Facts {
		one := factJSON{ID: f.ID, Name: f.Name, Says: f.Show(), Of: in.labels(f.Of), Over: seconds(f.Window.Seconds()), Ago: seconds(f.Before.Seconds()), Query: f.Query}
		if f.Text != "" {
			one.Word = f.Text
		} else {
			v := fact.Round(f.Value)
			one.Value = &v
		}
		d.Facts = append(d.Facts, one)
	}
	for _, g := range s.Gaps {
		d.Gaps = append(d.Gaps, gapJSON{g.Name, seconds(g.Before.Seconds()), string(g.Why)})
	}
	queries := evidence.Of(s)
	for _, a := range s.Asked {
		if i := slices.IndexFunc(queries, func(q evidence.Query) bool { return q.Name == a.Name }); i >= 0 {
			d.Queries = append(d.Queries, namedJSON{a.Query, queries[i].Says})
		}
	}
	for i := range handle.MostOfAKind {
		name := fmt.Sprintf("%c%d", handle.Command, i+1)
		_, command, ok := in.Table.Value(name)
		if !ok {
			break
		}
		d.Commands = append(d.Commands, name+": "+command)
	}
	return d
}

func (in Input) labels(all []fact.Label) map[string]string {
	out := make(map[string]string)
	for _, l := range all {
		out[l.Name] = in.shown(l.Value)
	}
	return out
}

func seconds(v float64) string {
	if v == 0 {
		return ""
	}
	return fact.Fact{Value: v, Unit: fact.Seconds}.Show()
}
