package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A rehearsal is what the verb needs of a [guarder.Rehearsal].
type rehearsal interface {
	Judge(device string, frame []byte) (policy.Judgement, error)
	Close()
}

// rehearseGuarder brings a policy into the kernel.
func rehearseGuarder(p *policy.Policy, own []netip.Addr) (rehearsal, error) {
	r, err := guarder.NewRehearsal(p, own)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// A judged policy is one with somebody who judges by it.
type judged struct {
	*policy.Policy
	judge func(capture.Record) (policy.Judgement, error)
	Close func()
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
	if r.interpreter {
		return &judged{p, interpreter(p, r.own), func() {}}, nil
	}
	k, err := e.rehearseGuarder(p, r.own)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("guard replay: running the kernel's program needs root (%w); --interpreter judges without, by the plain interpreter that the program is tested against", oneLineError(err))
	}
	if err != nil {
		return nil, fmt.Errorf("guard replay: %w", err)
	}
	return &judged{p, func(c capture.Record) (policy.Judgement, error) { return k.Judge(c.Interface, c.Frame) }, k.Close}, nil
}

// oneLineError keeps what is in an error and has its text in one line.
func oneLineError(err error) error { return &lineError{err} }

type lineError struct{ err error }

func (e *lineError) Error() string { return oneLine(e.err) }
func (e *lineError) Unwrap() error { return e.err }

// interpreter judges in this process.
func interpreter(p *policy.Policy, own []netip.Addr) func(capture.Record) (policy.Judgement, error) {
	environment := policy.Env{Sets: p.Sets, Bindings: p.Bindings, Own: func(a netip.Addr) bool { return slices.Contains(own, a) }}
	fragments := new(packet.Tracker)
	return func(c capture.Record) (policy.Judgement, error) {
		environment.Interface = c.Interface
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

// same tells whether two policies do the same to a packet: the verdict, the rule that
// ended the search, by its name, and the audited rule that would have dropped it.
func same(a *judged, x policy.Judgement, b *judged, y policy.Judgement) bool {
	return x.Verdict == y.Verdict && a.ruleName(x.By) == b.ruleName(y.By) && a.ruleName(x.WouldDrop) == b.ruleName(y.WouldDrop) &&
		a.unreadable(x) == b.unreadable(y)
}

// unreadable tells what an audited policy would do to a packet that cannot be read.
func (j *judged) unreadable(x policy.Judgement) bool {
	return x.Reason != packet.OK && j.Unparsable == policy.Drop
}
