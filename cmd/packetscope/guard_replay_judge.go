package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A rehearsal is what the verb needs of a [guarder.Rehearsal].
type rehearsal interface {
	Judge(device string, frame []byte, at time.Time) (policy.Judgement, error)
	Close()
}

// rehearseGuarder brings a policy into the kernel.
func rehearseGuarder(p *policy.Policy, own []netip.Addr, lists []feed.Row, bans *policy.Bans) (rehearsal, error) {
	r, err := guarder.NewRehearsal(p, own, lists, bans)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// A judged policy is one with somebody who judges by it, and those whom it bans.
type judged struct {
	*policy.Policy
	by    func(capture.Record) (policy.Judgement, error)
	bans  *policy.Bans
	Close func()
}

// An outcome is what a policy does to a packet.
type outcome struct {
	policy.Judgement
	// met is the ban that dropped the packet, or would have, and made the one that the
	// packet led to, also if it is only audited; each may be nil.
	met, made *ban.Ban
}

// judge judges a packet, behind those before it.
func (j *judged) judge(c capture.Record) (o outcome, err error) {
	if !j.bans.May() {
		o.Judgement, err = j.by(c)
		return o, err
	}
	j.bans.At(c.Time)
	parsed := packet.Parse(c.Frame)
	met := j.bans.Of(parsed.Source)
	if met != nil {
		was := *met // before it is renewed
		met = &was
	}
	if o.Judgement, err = j.by(c); err != nil {
		return o, err
	}
	if o.Ban != policy.NotBanned {
		o.met = met
	}
	o.made = j.bans.Judged(&parsed, o.Judgement)
	return o, nil
}

// load reads a policy and chooses who judges by it. Faults are printed.
func (r *replay) load(e env, files []string) (*judged, error) {
	p, faults := policy.Load(files, policy.Options{Ceiling: r.ceiling})
	if p == nil {
		if err := printFaults(e.stderr, faults, "text"); err != nil {
			return nil, err
		}
		return nil, &exitError{status: 1}
	}
	lists, err := feedsAtHand(e, p, r.feeds, r.own)
	if err != nil {
		return nil, err
	}
	bans := policy.NewBans(p, r.own)
	if r.interpreter {
		return &judged{p, interpreter(p, r.own, lists, bans), bans, func() {}}, nil
	}
	k, err := e.rehearseGuarder(p, r.own, lists, bans)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("guard replay: running the kernel's program needs root (%w); --interpreter judges without, by the plain interpreter that the program is tested against", oneLineError(err))
	}
	if err != nil {
		return nil, fmt.Errorf("guard replay: %w", err)
	}
	return &judged{p, func(c capture.Record) (policy.Judgement, error) { return k.Judge(c.Interface, c.Frame, c.Time) }, bans, k.Close}, nil
}

// oneLineError keeps what is in an error and has its text in one line.
func oneLineError(err error) error { return &lineError{err} }

type lineError struct{ err error }

func (e *lineError) Error() string { return oneLine(e.err) }
func (e *lineError) Unwrap() error { return e.err }

// interpreter judges in this process, packets one after the other.
func interpreter(p *policy.Policy, own []netip.Addr, lists []feed.Row, bans *policy.Bans) func(capture.Record) (policy.Judgement, error) {
	environment := policy.Env{
		Sets: p.Sets, Bindings: p.Bindings, Own: func(a netip.Addr) bool { return slices.Contains(own, a) },
		States: &policy.States{SamePort: guarder.RehearsedPort}, Banned: bans.Banned,
	}
	if len(lists) > 0 {
		environment.Feeds = compile.Listing(lists)
	}
	fragments := new(packet.Tracker)
	return func(c capture.Record) (policy.Judgement, error) {
		environment.Interface = c.Interface
		if c.Time.After(environment.Now) {
			environment.Now = c.Time // a clock that was set back would confuse limits
		}
		parsed := packet.Parse(c.Frame)
		if parsed.Reason == packet.OK {
			fragments.See(&parsed, c.Time)
		}
		return p.Judge(&parsed, &environment), nil
	}
}

// ruleName returns "group/rule" of a rule of the policy, or "" for [policy.None].
func (j *judged) ruleName(i int) string {
	if i == policy.None {
		return ""
	}
	return j.Rules[i].Group + "/" + j.Rules[i].Name
}

// place returns file:line:column of a rule, or "".
func (j *judged) place(i int) string {
	if i == policy.None {
		return ""
	}
	return j.Rules[i].At.String()
}

// verdictWords are those of the output.
var verdictWords = map[policy.Verdict]string{policy.Passed: "pass", policy.Dropped: "drop"}

// same tells whether two policies do the same to a packet: the verdict, the rule, ban
// or feed that ended the search, by its name, and the audited one that would have dropped it.
func same(a *judged, x outcome, b *judged, y outcome) bool {
	return x.Ban == y.Ban && banOrigin(x.met) == banOrigin(y.met) && banOrigin(x.made) == banOrigin(y.made) && x.Verdict == y.Verdict && a.ruleName(x.By) == b.ruleName(y.By) && a.ruleName(x.WouldDrop) == b.ruleName(y.WouldDrop) &&
		x.Listed.By == y.Listed.By && x.Listed.WouldDrop == y.Listed.WouldDrop && a.unreadable(x.Judgement) == b.unreadable(y.Judgement)
}

// unreadable tells what an audited policy would do to a packet that cannot be read.
func (j *judged) unreadable(x policy.Judgement) bool {
	return x.Reason != packet.OK && j.Unparsable == policy.Drop
}
