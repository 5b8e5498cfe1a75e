package policy

import (
	"crypto/sha256"
	"maps"
	"path"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// A text is what the fingerprint of a policy knows of a file.
type text struct {
	sum [32]byte
	// until is the end of a temporary file; zero for others.
	until time.Time
}

// over tells whether an end has come; there is none if it is zero.
func over(until, now time.Time) bool { return !until.IsZero() && !now.Before(until) }

// Over tells whether the rule has ended by a time.
func (r *Rule) Over(now time.Time) bool { return over(r.Until, now) }

// At returns what is left of a policy at a time: it has no rules and no sets of files
// that are over by then, and the fingerprint of a policy that was loaded without these.
// Devices stay those of the policy. It is the policy itself if nothing of it is over.
func (p *Policy) At(now time.Time) *Policy {
	if !slices.ContainsFunc(p.texts, func(t text) bool { return over(t.until, now) }) {
		return p
	}
	left := *p
	left.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r Rule) bool { return r.Over(now) })
	left.texts = slices.DeleteFunc(slices.Clone(p.texts), func(t text) bool { return over(t.until, now) })
	left.Sets, left.Bindings, left.Entries = maps.Clone(p.Sets), maps.Clone(p.Bindings), maps.Clone(p.Entries)
	for name, until := range p.setEnds {
		if over(until, now) {
			delete(left.Sets, name)
			delete(left.Bindings, name)
			delete(left.Entries, name)
		}
	}
	left.Fingerprint = fingerprint(left.texts, p.ceiling)
	return &left
}

// Ends are the times at which a part of the policy ends, in order; nil if none does.
func (p *Policy) Ends() []time.Time {
	var all []time.Time
	for _, t := range p.texts {
		if !t.until.IsZero() {
			all = append(all, t.until)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// Moments are the times of [Env] at which a packet can be dropped: with the zero time,
// which is before all ends, those at which a rule that passes ends.
func (p *Policy) Moments() []time.Time {
	all := []time.Time{{}}
	for i := range p.Rules {
		if r := &p.Rules[i]; r.Action == Pass && !r.Until.IsZero() && !slices.ContainsFunc(all, r.Until.Equal) {
			all = append(all, r.Until)
		}
	}
	return all
}

// fingerprint is that of the texts, whatever their files are called.
func fingerprint(texts []text, ceiling Mode) [32]byte {
	var all []byte
	for _, t := range texts {
		all = append(all, t.sum[:]...)
	}
	return sha256.Sum256(append(all, byte(ceiling)))
}

// endOf returns the end of a temporary file, or zero. What is wrong with it is told when
// the key is read.
func endOf(root *yaml.Node) (until time.Time) {
	for i := 0; i+1 < len(root.Content) && root.Kind == yaml.MappingNode; i += 2 {
		if root.Content[i].Value == "until" {
			// It is the strict reader of RFC 3339; time.Parse is not.
			if until.UnmarshalText([]byte(resolve(root.Content[i+1]).Value)) == nil {
				return until
			}
			return time.Time{}
		}
	}
	return time.Time{}
}

// untilFrom looks at "until:".
func (r *reader) untilFrom(n *yaml.Node) {
	value, ok := r.text(n)
	if !ok {
		return
	}
	var until time.Time
	if until.UnmarshalText([]byte(value)) != nil {
		r.fault(n, badQuantity, "", "until %q: want a date, a time and a zone (RFC 3339), such as 2026-11-29T10:00:00Z", value)
		return
	}
	if over(until, r.options.now()) {
		r.fault(n, ended, "delete the file", "the file is over since %s; nothing of it is in force", value)
	}
}

// permanent tells whether the file may say what n does; if not, it records a fault.
func (r *reader) permanent(n *yaml.Node, what string) bool {
	if r.until.IsZero() {
		return true
	}
	r.fault(n, notTemporary, "put it in a file without until", "%s would stay behind when the file is over", what)
	return false
}

// apart reads a file that is over: nothing of it comes into the policy. Its errors are
// warnings, as it may name a set that is gone by now.
func (s source) apart(root *yaml.Node) {
	common := s.loader
	own := newLoader(common.options)
	s.loader = own
	s.sets(root)
	for name, set := range common.named {
		if own.named[name] == nil {
			copied := *set
			own.named[name] = &copied
		}
	}
	s.policyFile(root)
	for _, f := range own.faults {
		f.Severity = Warning
		common.faults = append(common.faults, f)
	}
}

// temporary looks at the rules of temporary files, when all files are read.
func (l *loader) temporary() {
	p := l.policy
	attached := func(name string) bool {
		return slices.ContainsFunc(p.Attach, func(pattern string) bool {
			fits, err := path.Match(pattern, name)
			return pattern == name || err == nil && fits
		})
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Until.IsZero() || p.Attach == nil {
			continue
		}
		for _, name := range r.Interfaces {
			if !attached(name) {
				l.about(r, notTemporary, "name it in a file without until", "interface %q is in no other file, and a temporary one attaches to nothing", name)
			}
		}
	}
}
