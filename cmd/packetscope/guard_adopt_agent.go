package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/adopt"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// meet asks the agent what is in force, and where it reads what is adopted.
func (a *adoption) meet() error {
	var err error
	if a.status, err = a.client.Status(); err != nil {
		return err
	}
	if a.folder, err = adopt.Folder(a.status.Files); err != nil {
		return err
	}
	if !slices.Contains(a.status.Folders, a.folder) {
		return fmt.Errorf("%s is no folder to the agent, which is an older version or sees other files: run this where the agent runs", a.folder)
	}
	return nil
}

// ready refuses while anything else than the policy of the files is in force: to adopt a
// rule or to end one, the agent reads all of them again, and this must change nothing else.
func (a *adoption) ready() error {
	s := a.status
	switch {
	case s.ConfirmBy != nil:
		return fmt.Errorf("a policy is on trial until %s, and this would take its place: packetscope guard confirm, or rollback, first", clock(*s.ConfirmBy))
	case s.Tripped:
		return errors.New("the policy tripped and is only audited, which this would end: look at the agent's log, then packetscope guard apply, first")
	case s.InForce != guarder.InForcePolicy:
		return errors.New("in force is not the policy of the agent's files, which this would bring back: packetscope guard apply, first")
	}
	base, faults := policy.Load(s.Files, a.options())
	if base == nil {
		if err := printFaults(a.stderr, faults, "text"); err != nil {
			return err
		}
		return errors.New("the agent's files have faults, so it will not read them: put them right first")
	}
	if place := unlike(base, s, a.now()); place != "" {
		return fmt.Errorf("%s differs from what is in force, and would come with it: packetscope guard apply, first (or adopt --drop, if it is an adopted rule that was taken back)", place)
	}
	return nil
}

// options are those by which the agent reads policies.
func (a *adoption) options() policy.Options {
	o := policy.Options{Now: a.now()}
	if a.status.Ceiling == policy.Audit.String() {
		o.Ceiling = policy.Audit
	}
	return o
}

// unlike returns what is not as in force, or "": a rule that is another, or elsewhere, or
// a file that was written since. A change of nothing but conditions, before the agent put
// its policy in force anew by itself, is not seen. Rules that are over are in no file any
// more; the agent lists them for up to a second longer.
func unlike(base *policy.Policy, s guarder.Status, now time.Time) string {
	s.Rules = slices.DeleteFunc(slices.Clone(s.Rules), func(r guarder.RuleStatus) bool { return r.Until != nil && !now.Before(*r.Until) })
	for i := range base.Rules {
		r := &base.Rules[i]
		if i >= len(s.Rules) || s.Rules[i].Group != r.Group || s.Rules[i].Rule != r.Name || s.Rules[i].Place != r.At.String() ||
			s.Rules[i].Asks != r.Asks.String() || s.Rules[i].Action != r.Action.String() {
			return fmt.Sprintf("%v (%s/%s)", r.At, r.Group, r.Name)
		}
	}
	if len(s.Rules) > len(base.Rules) {
		return s.Rules[len(base.Rules)].Place
	}
	for i := range base.Rules {
		file := base.Rules[i].At.File
		if info, err := os.Stat(file); err == nil && info.ModTime().After(s.Applied) {
			return file
		}
	}
	return ""
}

// sameHost refuses to compare a rule with another host than the one that is guarded.
func (a *adoption) sameHost(facts *host.Facts) error {
	for _, d := range a.status.Devices {
		if _, here := facts.Named(d.Name); d.Hook != guarder.None && !here {
			return fmt.Errorf("the agent guards %s, which is not in this network namespace: run this where the agent runs (ip netns exec, nsenter)", d.Name)
		}
	}
	return nil
}

// putInForce writes the file and has the agent read it. If it fails, nothing stays behind.
func (a *adoption) putInForce(ctx context.Context, c *candidate, text []byte, operator []host.Connection) error {
	path := adopt.Path(a.folder, c.id)
	return a.change(ctx, operator, changes{
		do:   func() error { return adopt.Put(path, text) },
		undo: func() error { return adopt.Remove(path) },
		holds: func(s guarder.Status) bool {
			return slices.ContainsFunc(s.Rules, func(r guarder.RuleStatus) bool { return strings.HasPrefix(r.Place, path+":") })
		},
		done: fmt.Sprintf("%s is adopted until %s (packetscope guard adopt --drop %s ends it before)", c.id, clock(c.until), c.id),
		kept: fmt.Sprintf("if it is taken back, packetscope guard adopt --drop %s removes its file too", c.id),
	})
}

// changes are what becomes of a file, and how one sees that the agent has read it.
type changes struct {
	do, undo func() error
	holds    func(guarder.Status) bool
	// done is said when all is well, kept in a trial that nobody here can confirm.
	done, kept string
}

// change changes a file and has the agent put its policy in force. If that fails, or the
// trial that the policy asks for does, the file is as it was.
func (a *adoption) change(ctx context.Context, operator []host.Connection, c changes) error {
	if err := c.do(); err != nil {
		return err
	}
	order := guarder.Order{Operator: operator, AcceptLockout: *a.accept}
	if err := a.client.Apply(order); err != nil {
		return a.refused(errors.Join(err, c.undo()), c)
	}
	s, err := a.client.Status()
	if err == nil && !c.holds(s) {
		err = errors.New("the agent has read its files, and they do not hold this: it seems to see others than this process")
	}
	if err != nil {
		return errors.Join(err, c.undo(), a.client.Apply(order))
	}
	if s.ConfirmBy != nil {
		printTrial(a.stdout, s, a.now())
		if !a.mayAsk() {
			fmt.Fprintln(a.stdout, c.kept)
		} else if err := a.confirm(ctx); err != nil {
			return errors.Join(err, c.undo())
		}
	}
	_, err = fmt.Fprintln(a.stdout, c.done)
	return err
}

// refused returns the error of an order that the agent has not followed, as far as is known:
// it may have been slow to answer, and do so yet.
func (a *adoption) refused(err error, c changes) error {
	if s, unknown := a.client.Status(); unknown != nil || c.holds(s) {
		return fmt.Errorf("the agent may do it all the same, until it reads its files again (packetscope guard apply): %w", err)
	}
	return fmt.Errorf("nothing was changed: %w", err)
}

// confirm asks whether a policy on trial is to be kept. If not, or nobody says so in time,
// it is taken back.
func (a *adoption) confirm(ctx context.Context) error {
	keep, err := a.question(ctx, "Does all still work? Keep it?")
	if err == nil && keep {
		if err := a.client.Confirm(); err != nil {
			return fmt.Errorf("it was taken back: %w", err)
		}
		return nil
	}
	rolled := a.client.Rollback()
	if rolled != nil && strings.Contains(rolled.Error(), guarder.ErrNoTrial.Error()) {
		rolled = nil // its time was over
	}
	return errors.Join(errors.New("it was taken back, as it was not confirmed"), err, rolled)
}
