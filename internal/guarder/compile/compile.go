package compile

import (
	"fmt"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Options are what a policy does not say itself.
type Options struct {
	// Interfaces are the indices of devices by name. A name that is not here, and a
	// pattern that fits none of them, matches no packet.
	Interfaces map[string]int
	// Epoch is the time at which the kernel's CLOCK_BOOTTIME was 0, by which rules end
	// ([policy.Rule].Until). Zero is that of Unix: such tables end no rule in the
	// kernel.
	Epoch time.Time
	// InlinePrefixes is up to how many prefixes a named set is compiled into the
	// tries; larger ones are looked up in Blocks. 0 means DefaultInlinePrefixes.
	InlinePrefixes int
	// MaxBytes bounds the tables. 0 means DefaultMaxBytes.
	MaxBytes int
}

// Defaults and limits.
const (
	DefaultInlinePrefixes = 4096
	DefaultMaxBytes       = 256 << 20
	// MaxLines bounds the lines of a rule, MaxPolicyLines those of all together but
	// for lines of one address alone. With as many, and everything asked for that a
	// policy can ask for, Linux 6.18 verifies 332,000 instructions; it refuses a
	// million.
	MaxLines       = 4096
	MaxPolicyLines = 1 << 15
	maxConditions  = 1 << 16
	maxWords       = wordBits * bpf.GuardMaxSummaries
)

func (o Options) inline() int {
	if o.InlinePrefixes == 0 {
		return DefaultInlinePrefixes
	}
	return o.InlinePrefixes
}

func (o Options) epoch() time.Time {
	if o.Epoch.IsZero() {
		return time.Unix(0, 0)
	}
	return o.Epoch
}

func (o Options) maxBytes() int {
	if o.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return o.MaxBytes
}

// Compile turns a policy into tables. It depends on nothing but its arguments. An
// error names the rule that goes beyond a limit; nothing is ever left out.
func Compile(p *policy.Policy, options Options) (*Tables, error) {
	c := compiler{
		policy: p, options: options,
		atoms: &atoms{
			policy: p, options: options,
			index: make(map[string]int), sets: sets{numbers: make(map[string]uint32)}, bindings: make(map[string]uint32),
		},
		rows: &rows{seen: make(map[string]uint32)},
		t:    &Tables{Unparsable: creditOf(p.Unparsable, p.UnparsableMode), Epoch: options.epoch()},
	}
	for i := range p.Rules {
		c.know(p.Rules[i].Match)
		c.t.Credits = append(c.t.Credits, creditOf(p.Rules[i].Action, p.Rules[i].Mode))
	}
	for i := range p.Feeds {
		c.t.Feeds = append(c.t.Feeds, creditOf(p.Feeds[i].Action, p.Feeds[i].Mode))
	}
	if err := c.keep(); err != nil {
		return nil, err
	}
	c.samples()
	c.states()
	c.bans()
	c.kinds.sort()
	entries, err := c.entries()
	if err != nil {
		return nil, err
	}
	c.atoms.renumber(entries)
	if err := c.tables(entries); err != nil {
		return nil, err
	}
	return c.t, nil
}

// keep says which rules do not drop what is kept: those from the first of the policy
// stage on.
func (c *compiler) keep() error {
	p, t := c.policy, c.t
	t.KeepConnections, t.ProtectApplier = p.Life.KeepEstablished, p.Life.ProtectApplier > 0
	t.FirstPolicy = len(p.Rules)
	for i := range p.Rules {
		switch r := &p.Rules[i]; {
		case r.Stage == policy.PolicyRule:
			t.FirstPolicy = min(t.FirstPolicy, i)
		case t.FirstPolicy < i:
			return fault(r, fmt.Errorf("a rule of stage %v stands behind one of stage %v", r.Stage, policy.PolicyRule))
		}
	}
	return nil
}

type compiler struct {
	policy  *policy.Policy
	options Options
	kinds   kinds
	atoms   *atoms
	layout  layout
	rows    *rows
	dense   *dense
	t       *Tables

	triggered atomSet // atoms that are false in packets without traits
}

// know collects the leaves that look at kinds.
func (c *compiler) know(e policy.Expr) {
	switch e := e.(type) {
	case policy.All:
		for _, part := range e {
			c.know(part)
		}
	case policy.Any:
		for _, part := range e {
			c.know(part)
		}
	case policy.Not:
		c.know(e.Of)
	default:
		if isKind(e) {
			c.kinds.add(e)
		}
	}
}

// entries returns the lines of all rules.
func (c *compiler) entries() ([]*entry, error) {
	n := liner{kinds: &c.kinds, atoms: c.atoms, limit: MaxLines}
	var all []*entry
	for i := range c.policy.Rules {
		r := &c.policy.Rules[i]
		match := r.Match
		if r.Interfaces != nil {
			match = policy.All{policy.Interfaces(r.Interfaces), match}
		}
		lines, err := n.lines(match, true)
		if err != nil {
			return nil, fault(r, err)
		}
		var atoms atomSet
		if !r.Until.IsZero() {
			i, err := c.atoms.until(r.Until)
			if err != nil {
				return nil, fault(r, err)
			}
			atoms = atom(i)
		}
		for _, l := range lines {
			l.yes = l.yes.or(atoms)
			all = append(all, &entry{line: l, rule: uint32(i), credit: c.t.Credits[i], section: sectionOf(r)})
		}
	}
	return all, nil
}

// fault names the rule.
func fault(r *policy.Rule, err error) error { return &RuleError{r, err} }

func (c *compiler) tables(entries []*entry) error {
	var pure [purities][]*entry
	c.trigger()
	for _, e := range entries {
		e.unusual = e.yes.and(c.triggered) != atomSet{}
		of := e.purity()
		if of == notPure && len(pure[of]) == MaxPolicyLines {
			return fault(&c.policy.Rules[e.rule], fmt.Errorf("up to here the rules have more than %d alternatives; use sets", MaxPolicyLines))
		}
		pure[of] = append(pure[of], e)
	}
	c.layout = layOut(pure[notPure])
	t := c.t
	t.Words = c.layout.words()
	t.Summaries = (t.Words + wordBits - 1) / wordBits
	t.First = padded(c.layout.first())
	t.FirstAudited, t.FirstCounting, t.FirstStateful = c.layout.firstAudited, c.layout.firstCounting, c.layout.firstStateful
	if err := c.conditions(); err != nil {
		return err
	}
	c.dense = &dense{words: t.Words, summaries: t.Summaries, seen: make(map[string]uint32)}
	c.ports()
	c.index()
	if err := c.memberships(pure); err != nil {
		return err
	}
	t.Dense = padded(c.dense.rows)
	if len(c.dense.rows)*8 > c.options.maxBytes() {
		return c.tooLarge()
	}
	c.addresses(pure[bySource], pure[byDestination])
	t.Rows, t.Index, t.Trie4 = padded(c.rows.words), padded(t.Index), padded(t.Trie4)
	t.Trie6, t.Lines = padded(t.Trie6), padded(t.Lines)
	t.Atoms, t.Tests = c.atoms.list, c.atoms.tests
	t.AskOverlaps, t.SocketAtoms, t.Lengths = c.atoms.overlaps, c.atoms.socket, c.atoms.lengths
	t.Bounds = c.atoms.bounds
	if t.Size() > c.options.maxBytes() {
		return c.tooLarge()
	}
	return nil
}

func (c *compiler) tooLarge() error {
	return fmt.Errorf("the tables of %d rules take more than %d bytes; use sets, or fewer different ranges of ports", len(c.policy.Rules), c.options.maxBytes())
}

// addresses makes rows and tries.
func (c *compiler) addresses(pureSource, pureDestination []*entry) {
	t := c.t
	index := func(pure []*entry, of func(*entry) addressSet) (x addressIndex) {
		return addressIndex{of: of, relevant: c.layout.relevant(of), layout: &c.layout, pure: pure}
	}
	source := index(pureSource, func(e *entry) addressSet { return e.source })
	destination := index(pureDestination, func(e *entry) addressSet { return e.destination })
	t.SourceWords, t.DestinationWords = source.relevant, destination.relevant
	absent := func(x addressIndex) uint32 {
		vector, first := x.none()
		return c.rows.address(vector, first, x.relevant, 0, 0, 0)
	}
	t.NoSource, t.NoDestination = absent(source), absent(destination)
	rower := func(x addressIndex, six bool) *rower {
		return &rower{rows: c.rows, relevant: x.relevant, nodes: x.nodes(six), made: make(map[int]uint32)}
	}
	t.Trie4 = make([]uint32, 2<<rootBits) // the roots stand side by side
	t.Trie4 = rower(source, false).trie4(t.Trie4, 0)
	t.Trie4 = rower(destination, false).trie4(t.Trie4, 1<<rootBits)
	t.Trie6, t.Source6 = rower(source, true).trie6(t.Trie6)
	t.Trie6, t.Destination6 = rower(destination, true).trie6(t.Trie6)
}

// trigger notes which atoms need which trait.
func (c *compiler) trigger() {
	t := c.t
	for i, when := range c.atoms.trigger {
		t.Triggers[when] = atomSet(t.Triggers[when]).or(atom(i))
	}
	for _, atoms := range t.Triggers[traitAlways+1:] {
		c.triggered = c.triggered.or(atoms)
	}
}

// conditions makes what is asked where the five dimensions do not decide.
func (c *compiler) conditions() error {
	t := c.t
	t.Conditions = []Condition{{}}
	number := map[Condition]uint32{{}: 0}
	t.Filters = make([]Filter, 2*powerOfTwo(t.Words))
	for p, e := range c.layout.at {
		if e == nil {
			t.Lines = append(t.Lines, pair(uint32(none), 0))
			continue
		}
		condition := Condition{Yes: e.yes, No: e.no}
		n, known := number[condition]
		if !known {
			n = uint32(len(t.Conditions))
			if n == maxConditions {
				return fault(&c.policy.Rules[e.rule], fmt.Errorf("the policy has more than %d conditions", maxConditions))
			}
			number[condition] = n
			t.Conditions = append(t.Conditions, condition)
		}
		t.Lines = append(t.Lines, pair(uint32(e.key()), n))
		plain, other := &t.Filters[p/wordBits*2], &t.Filters[p/wordBits*2+1]
		bit := uint64(1) << (p % wordBits)
		other.Possible |= bit
		if n != 0 {
			other.Conditional |= bit
		}
		if !e.unusual {
			plain.Possible |= bit
			if e.yes.or(e.no).without(c.triggered) != (atomSet{}) {
				plain.Conditional |= bit
			}
		}
	}
	t.Conditions = padded(t.Conditions)
	return nil
}

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// padded returns a slice whose length is a power of two.
func padded[S ~[]T, T any](s S) S {
	return append(s, make(S, powerOfTwo(len(s))-len(s))...)
}
