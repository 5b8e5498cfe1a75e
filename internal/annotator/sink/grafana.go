package sink

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"
)

// GrafanaOptions say where annotations go.
type GrafanaOptions struct {
	Options
	// URL is Grafana's own, such as https://grafana.example.net/grafana.
	URL string
	// TokenFile holds the token of a service account with the role Editor. Empty is
	// for a Grafana that lets everybody write.
	TokenFile string
	// Places are tried in their order. An alert that none takes is annotated for the
	// organisation: every dashboard that asks for the tag packetscope shows it.
	Places []Place
}

// A Place is the dashboard on which some alerts are annotated.
type Place struct {
	// Match maps names of labels to what their whole value has to match; NewGrafana
	// anchors the patterns.
	Match map[string]*regexp.Regexp
	// UID is the dashboard's, Panel the id of one of its panels or 0 for all.
	UID   string
	Panel int64
}

// takes tells whether an alert belongs to the place.
func (p Place) takes(a Alert) bool {
	for name, pattern := range p.Match {
		value := a.Labels[name]
		if name == "alertname" {
			value = a.Name
		}
		if !pattern.MatchString(value) {
			return false
		}
	}
	return true
}

// A Grafana writes one annotation per episode: a point while it fires, a region
// once it is resolved. It talks to /api/annotations, whose answers were recorded
// from Grafana 12.3.
//
// The API has no Idempotency-Key. So a new annotation is only created after one was
// looked for by the episode's tag; of several, which a crash can leave behind, all
// but one are deleted. Only annotations with the tags packetscope and of the
// episode are ever changed.
type Grafana struct {
	options GrafanaOptions
	base    *url.URL
	client  *client

	mu sync.Mutex
	// proven tells which kinds of change Grafana was seen to make, and replace that
	// it does not make one of them: then annotations are created anew.
	proven  map[kind]bool
	replace bool
}

// A kind is a kind of change, which some versions of Grafana ignore.
type kind string

const (
	wording kind = "wording"
	ending  kind = "ending"
)

var _ Sink = (*Grafana)(nil)

// NewGrafana checks the options; it asks nobody.
func NewGrafana(o GrafanaOptions) (*Grafana, error) {
	o.Options = o.filled()
	base, err := parseBase(o.URL)
	if err == nil && base.RawQuery != "" {
		err = fmt.Errorf("the address holds a %q", "?")
	}
	if err != nil {
		return nil, fmt.Errorf("sink %q: %w", o.Name, err)
	}
	o.Places = slices.Clone(o.Places)
	for i, p := range o.Places {
		match := make(map[string]*regexp.Regexp, len(p.Match))
		for name, pattern := range p.Match {
			match[name] = regexp.MustCompile("^(?:" + pattern.String() + ")$")
		}
		o.Places[i].Match = match
	}
	return &Grafana{options: o, base: base, client: newClient(o.Options), proven: make(map[kind]bool)}, nil
}

// Name returns the configured name.
func (g *Grafana) Name() string { return g.options.Name }

// Send makes the episode's annotation say what the message says.
func (g *Grafana) Send(ctx context.Context, m Message, last State) (State, error) {
	if err := m.fault(); err != nil {
		return last, &Error{Sink: g.Name(), Class: Dead, Err: err}
	}
	known := markOf(last)
	if known.Revision >= m.Revision {
		return last, nil
	}
	err := g.settle(ctx, &known, g.noteOf(m))
	if ClassOf(err) == Gone {
		// Somebody deleted it by hand. Whoever does so again while we create it anew
		// gets his way until the next message.
		err = g.settle(ctx, &known, g.noteOf(m))
	}
	if err == nil {
		known.Revision = m.Revision
	}
	return known.state(), err
}

// settle finds the annotation if need be and changes or creates it.
func (g *Grafana) settle(ctx context.Context, known *mark, n note) error {
	doubted := known.Doubt
	// A request that we gave up may arrive long after we created another one, so we
	// look once more at the end.
	if known.ID == 0 || known.Doubt || n.resolved {
		if same, err := g.adopt(ctx, known, n); err != nil || same {
			return err
		}
	}
	if known.ID == 0 {
		err := g.create(ctx, known, n)
		known.Doubt = known.Doubt || doubted
		return err
	}
	return g.revise(ctx, known, n)
}

// adopt looks for the episode's annotations, keeps one and deletes the others. It
// tells whether the one that it keeps says already what the note says.
func (g *Grafana) adopt(ctx context.Context, known *mark, n note) (same bool, err error) {
	found, err := g.find(ctx, n.episode)
	if err != nil {
		return false, err
	}
	known.Doubt = false
	if len(found) == 0 {
		return false, nil
	}
	keep := slices.IndexFunc(found, func(a annotation) bool { return n.sameAs(a, known.Time) })
	same = keep >= 0
	if !same {
		keep = 0 // the first that was created
	}
	a := found[keep]
	known.ID, known.Time, known.End, known.Said = a.ID, a.Time, a.end(), digest(a.Text)
	for i, other := range found {
		if i == keep {
			continue
		}
		if err := g.delete(ctx, other.ID); err != nil {
			// It stays in doubt, so that the next message tries again.
			known.Doubt = true
			return same, err
		}
	}
	return same, nil
}

func (g *Grafana) create(ctx context.Context, known *mark, n note) error {
	id, err := g.post(ctx, n)
	if err != nil {
		known.Doubt = ClassOf(err) == Retry
		return err
	}
	known.ID, known.Time, known.End, known.Said = id, n.time, n.endAfter(n.time), digest(n.text)
	return nil
}

// revise changes the annotation. The first changes of each kind are checked,
// because Grafana may say that it made them and not have done so.
func (g *Grafana) revise(ctx context.Context, known *mark, n note) error {
	changes := n.changes(*known)
	if g.ignores() {
		return g.renew(ctx, known, n)
	}
	if err := g.patch(ctx, *known, n); err != nil {
		if ClassOf(err) == Gone {
			*known = mark{Revision: known.Revision}
		}
		return err
	}
	if !g.proved(changes) {
		a, err := g.get(ctx, known.ID)
		switch {
		case ClassOf(err) == Retry:
			return err
		case err != nil:
			// It may not be read, or was deleted a moment ago. The next will tell.
		case !n.sameAs(a, known.Time):
			g.options.Logger.Warn("grafana ignores changes of annotations, which are created anew instead", "sink", g.Name(), "changes", fmt.Sprint(changes))
			g.learn(changes, false)
			return g.renew(ctx, known, n)
		default:
			g.learn(changes, true)
		}
	}
	known.End, known.Said = n.endAfter(known.Time), digest(n.text)
	return nil
}

// renew creates the annotation anew and then deletes the old one.
func (g *Grafana) renew(ctx context.Context, known *mark, n note) error {
	// After a crash in between, the new one is there.
	same, err := g.adopt(ctx, known, n)
	if err != nil || same {
		return err
	}
	old := known.ID
	if err := g.create(ctx, known, n); err != nil {
		return err
	}
	if err := g.delete(ctx, old); err != nil {
		known.Doubt = true
		return err
	}
	return nil
}

// ignores tells whether Grafana was seen to ignore a change.
func (g *Grafana) ignores() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.replace
}

// proved tells whether Grafana was seen to make all the kinds of change.
func (g *Grafana) proved(changes []kind) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.ContainsFunc(changes, func(k kind) bool { return !g.proven[k] })
}

func (g *Grafana) learn(changes []kind, works bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !works {
		g.replace = true
		return
	}
	for _, k := range changes {
		g.proven[k] = true
	}
}

// forget makes the next changes be checked again: Grafana may have been updated.
func (g *Grafana) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.replace = false
	clear(g.proven)
}

// shortest is how long a region is at least. Grafana swaps an end before the start,
// and a region without length is a point.
const shortest = time.Second
