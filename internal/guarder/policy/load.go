package policy

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Options say how a policy is read.
type Options struct {
	// Ceiling is the strongest mode that a rule may have; rules that ask for more
	// are clamped, with a warning. [Off] means that there is no ceiling.
	Ceiling Mode
	// Now is the time at which files with "until:" may be over; zero is the present.
	Now time.Time
}

func (o Options) now() time.Time {
	if o.Now.IsZero() {
		return time.Now()
	}
	return o.Now
}

// MaxRules is the most rules of a policy, those of the failsafe included.
const MaxRules = 16384

// LargeSet is the number of prefixes from which a set is not copied into the rules
// that use it, but kept in [Policy.Sets].
const LargeSet = 4096

// Load reads a policy from files, and from the files *.yaml and *.yml in folders,
// in the order of their names; those that end in _test.yaml are left out. Groups of
// all files form one policy.
//
// All faults of all files are returned, sorted by place. The policy is nil if one of
// them is an error. Those of a temporary file that is over are warnings.
func Load(paths []string, o Options) (*Policy, []Fault) {
	l := newLoader(o)
	return l.load(l.sources(paths))
}

// Parse reads a policy from one text, as Load does from a file of that name. Files that its
// sets name are looked for beside that name.
func Parse(name string, text []byte, o Options) (*Policy, []Fault) {
	l := newLoader(o)
	l.files = []string{name}
	return l.load([]source{{&reader{loader: l, file: name}, text}})
}

func newLoader(o Options) *loader {
	return &loader{
		options: o, policy: &Policy{BanMode: cmp.Or(o.Ceiling, Enforce), Sets: map[string]*Set{}, Bindings: map[string]*BindingSet{}, Entries: map[string]int{}, setEnds: map[string]time.Time{}},
		first: map[string]Position{}, named: map[string]*namedSet{},
	}
}

func (l *loader) load(sources []source) (*Policy, []Fault) {
	var roots []*yaml.Node
	for _, s := range sources {
		root := s.document(s.text)
		roots = append(roots, root)
		if root == nil {
			continue
		}
		s.until = endOf(root)
		if !over(s.until, l.options.now()) {
			l.policy.texts = append(l.policy.texts, text{sha256.Sum256(s.text), s.until})
			s.sets(root)
		}
	}
	for i, s := range sources {
		switch {
		case roots[i] == nil:
		case over(s.until, l.options.now()):
			s.apart(roots[i])
		default:
			s.policyFile(roots[i])
		}
	}
	l.finish()
	l.policy.ceiling = l.options.Ceiling
	l.policy.Fingerprint = fingerprint(l.policy.texts, l.options.Ceiling)
	faults := sorted(l.faults, l.files)
	if Failed(faults) {
		return nil, faults
	}
	return l.policy, faults
}

// A loader holds what the files have in common.
type loader struct {
	options Options
	files   []string
	faults  []Fault
	policy  *Policy

	named    map[string]*namedSet
	groups   []*group
	failsafe []Rule
	// feedDevices are the interfaces of files with feeds.
	feedDevices []string
	// sample is that of the first defaults that have one.
	sample *Sampling
	// matches counts those of the rule that is being read.
	matches int
	// first tells where something that may be given once was given first, by what
	// it is.
	first map[string]Position
}

// A source is a file and its reader.
type source struct {
	*reader
	text []byte
}

// sources reads the files.
func (l *loader) sources(paths []string) []source {
	var all []source
	add := func(path string) {
		text, err := os.ReadFile(path)
		l.files = append(l.files, path)
		if err != nil {
			l.unreadable(path, err)
			return
		}
		all = append(all, source{&reader{loader: l, file: path}, text})
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			add(path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			l.files = append(l.files, path)
			l.unreadable(path, err)
		}
		for _, e := range entries {
			if isPolicyFile(e.Name()) && !e.IsDir() {
				add(filepath.Join(path, e.Name()))
			}
		}
	}
	if len(l.files) == 0 {
		l.faults = append(l.faults, Fault{
			At: Position{File: strings.Join(paths, ", ")}, Severity: Error, Code: notYAML,
			Text: "no policy file", Hint: "name a file, or a folder with files *.yaml",
		})
	}
	return all
}

func (l *loader) unreadable(path string, err error) {
	if pathError := (*os.PathError)(nil); errors.As(err, &pathError) {
		err = pathError.Err
	}
	l.faults = append(l.faults, Fault{At: Position{File: path}, Severity: Error, Code: notYAML, Text: err.Error()})
}

func isPolicyFile(name string) bool {
	if strings.HasSuffix(name, "_test.yaml") || strings.HasSuffix(name, "_test.yml") || strings.HasPrefix(name, ".") {
		return false
	}
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// finish puts the rules of all files in their order and looks at the whole.
func (l *loader) finish() {
	slices.SortStableFunc(l.groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.priority, b.priority))
	})
	p := l.policy
	place := func(stage Stage) {
		for _, g := range l.groups {
			if g.stage == stage {
				p.Rules = append(p.Rules, g.rules...)
			}
		}
	}
	place(Guard)
	p.Rules = append(p.Rules, l.failsafe...)
	place(PolicyRule)
	l.interfaces()
	l.temporary()
	l.unparsable()
	if len(p.Rules) > MaxRules {
		l.faults = append(l.faults, Fault{
			At: Position{File: p.Rules[MaxRules].At.File}, Severity: Error, Code: OverBudget,
			Text: "more than 16384 rules", Hint: "put addresses and ports that share a verdict into sets",
		})
	}
	l.unusedSets()
	l.check()
}

// interfaces lists what the policy is attached to: what rules name that stay. A rule
// that is for all of it has no list of its own.
func (l *loader) interfaces() {
	p := l.policy
	add := func(names []string) {
		for _, name := range names {
			if !slices.Contains(p.Attach, name) {
				p.Attach = append(p.Attach, name)
			}
		}
	}
	for _, r := range l.policy.Rules {
		if r.Until.IsZero() {
			add(r.Interfaces)
		}
	}
	add(l.feedDevices) // which are for all
	if p.Attach == nil {
		return
	}
	for i := range p.Rules {
		all := p.Rules[i].Interfaces
		if !slices.ContainsFunc(p.Attach, func(name string) bool { return !slices.Contains(all, name) }) {
			p.Rules[i].Interfaces = nil
		}
	}
}

// unparsable says what becomes of packets that cannot be read, if no file does: a
// policy that enforces a drop drops them too, as a port rule could be evaded by them.
// Temporary rules do not count, as what they change must end with them, nor do those that answer SYNs. They are sampled
// if the defaults of a file say so.
func (l *loader) unparsable() {
	p := l.policy
	if p.UnparsableSample == nil {
		p.UnparsableSample = l.sample
	}
	if l.first["unparsable"] != (Position{}) {
		return
	}
	p.Unparsable, p.UnparsableMode = Drop, Audit
	for _, r := range p.Rules {
		if r.Action == Drop && r.Mode == Enforce && r.Until.IsZero() && r.SYNCookie == nil {
			p.UnparsableMode = Enforce
		}
	}
}

// once reports whether something that may be given in one place only is given for
// the first time; if not, it records a fault.
func (r *reader) once(n *yaml.Node, key, what string) bool {
	if at, ok := r.first[key]; ok {
		r.fault(n, duplicate, "", "%s is already at %v", what, at)
		return false
	}
	r.first[key] = r.position(n)
	return true
}
