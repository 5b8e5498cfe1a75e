package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/adopt"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A candidate is what may be adopted.
type candidate struct {
	// id names its file in the agent's folder, from says where it comes from.
	id, from string
	// file is what faults name.
	file string
	text []byte
	ttl  time.Duration
	// until is when it ends, of the last stamp.
	until time.Time
	// proposal is nil for a file; annotator is who made it.
	proposal  *proposal
	annotator *annotator
}

// proposalForm is that of the annotator's names.
var proposalForm = regexp.MustCompile(`^[0-9a-f]{12}$`)

// mostPolicy is the size of the largest policy that is adopted, in bytes.
const mostPolicy = 1 << 20

// candidate reads the text, or fetches it.
func (a *adoption) candidate(ctx context.Context) (*candidate, error) {
	c := &candidate{file: *a.what, ttl: *a.ttl}
	var err error
	switch {
	case proposalForm.MatchString(*a.what):
		err = a.fetch(ctx, c)
	case *a.what == fromStdin:
		c.from, c.file = "standard input", "standard input"
		if c.text, err = readMost(a.stdin); err == nil {
			c.id = fmt.Sprintf("%x", sha256.Sum256(c.text))[:12]
		}
	default:
		c.from = *a.what
		c.id = strings.TrimSuffix(filepath.Base(*a.what), filepath.Ext(*a.what))
		var f *os.File
		if f, err = os.Open(*a.what); err == nil {
			c.text, err = readMost(f)
			err = errors.Join(err, f.Close())
		}
	}
	if err == nil {
		err = adopt.CheckID(c.id)
	}
	if c.ttl == 0 {
		c.ttl = usualTTL
	}
	return c, err
}

func readMost(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, mostPolicy+1))
	if err == nil && len(text) > mostPolicy {
		err = fmt.Errorf("it has more than %d bytes", mostPolicy)
	}
	return text, err
}

// fetch asks the annotator for a proposal that can still be adopted.
func (a *adoption) fetch(ctx context.Context, c *candidate) error {
	var err error
	if c.annotator, err = openAnnotator(*a.annotator, *a.tokenFile, *a.caFile); err != nil {
		return err
	}
	p, err := c.annotator.proposal(ctx, *a.what)
	if err != nil {
		return err
	}
	c.id, c.proposal, c.text = p.ID, &p, []byte(p.YAML)
	c.file = "proposal " + p.ID
	c.from = fmt.Sprintf("proposal %s of the annotator at %s", p.ID, c.annotator.base)
	switch {
	case p.State != "pending" && p.State != "approved":
		return fmt.Errorf("the proposal is %s (by %s: %s)", printable(p.State), printable(p.Actor), printableLine(p.Reason))
	case !a.now().Before(p.Ends):
		return fmt.Errorf("the proposal ended at %s", clock(p.Ends))
	}
	proposed, err := time.ParseDuration(p.TTL)
	if err != nil || proposed < shortestTTL {
		return fmt.Errorf("the proposal is for the time %q, which is none", printable(p.TTL))
	}
	if c.ttl == 0 {
		c.ttl = min(usualTTL, proposed)
	}
	return nil
}

// stamped returns the text as it is written into the agent's folder: it ends ttl from now.
func (a *adoption) stamped(c *candidate) ([]byte, error) {
	now := a.now().UTC().Truncate(time.Second)
	c.until = now.Add(c.ttl)
	origin := fmt.Sprintf("Adopted at %s for %v from %s.", clock(now), c.ttl, printableLine(c.from))
	labels := map[string]string{"origin": "operator"}
	if c.proposal != nil {
		labels = map[string]string{"origin": "annotator", "proposal": c.id}
	}
	return adopt.Stamp{Until: c.until, Audit: *a.audit, Labels: labels, Origin: origin}.On(c.text)
}

// check judges the text by itself if it is a proposal, and then the whole policy with it,
// on this host. It returns the rules of the text, as a policy of their own.
func (a *adoption) check(c *candidate, facts *host.Facts) (*policy.Policy, error) {
	path := adopt.Path(a.folder, c.id)
	var groups []string
	if c.proposal != nil {
		alone, faults := policy.Parse(path, c.text, a.options())
		if alone == nil {
			return nil, a.faulty(c, path, faults)
		}
		if err := adopt.Narrow(alone); err != nil {
			return nil, err
		}
		groups = append(groups, alone.Rules[0].Group)
	}
	if err := a.free(c, groups); err != nil {
		return nil, err
	}
	plain, faults := policy.LoadWith(a.status.Files, path, c.text, a.options())
	if plain == nil {
		return nil, a.faulty(c, path, faults)
	}
	text, err := a.stamped(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.file, err)
	}
	whole, more := policy.LoadWith(a.status.Files, path, text, a.options())
	if whole == nil {
		return nil, a.faulty(c, path, more)
	}
	written, stamped := of(path, plain), of(path, whole)
	if err := a.sameRules(written, stamped, c); err != nil {
		return nil, err
	}
	for _, f := range hostFaults(a.onDevices(whole), facts, *a.accept) {
		// Rules stand elsewhere in the text that is shown.
		if i := slices.IndexFunc(stamped.Rules, func(r policy.Rule) bool { return r.At == f.At }); i >= 0 {
			f.At = written.Rules[i].At
		}
		faults = append(faults, f)
	}
	faults = slices.DeleteFunc(faults, func(f policy.Fault) bool { return f.At.File != path })
	if policy.Failed(faults) {
		return nil, a.faulty(c, path, faults)
	}
	return stamped, a.printFaults(c, path, faults)
}

// onDevices returns the policy on the devices that the agent guards.
func (a *adoption) onDevices(p *policy.Policy) *policy.Policy {
	there := *p
	there.Attach = []string{}
	for _, d := range a.status.Devices {
		there.Attach = append(there.Attach, d.Name)
	}
	return &there
}

// of returns a policy with the rules of one file.
func of(path string, p *policy.Policy) *policy.Policy {
	mine := *p
	mine.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r policy.Rule) bool { return r.At.File != path })
	return &mine
}

// sameRules makes sure that the stamp has changed nothing but what it is for.
func (a *adoption) sameRules(plain, stamped *policy.Policy, c *candidate) error {
	if len(plain.Rules) == 0 {
		return fmt.Errorf("%s has no rule that does anything", c.file)
	}
	same := len(plain.Rules) == len(stamped.Rules)
	for i := 0; same && i < len(plain.Rules); i++ {
		want, got := plain.Rules[i], stamped.Rules[i]
		same = got.Until.Equal(c.until) && (!*a.audit || got.Mode == policy.Audit)
		want.At, want.Until, want.Labels = got.At, got.Until, got.Labels
		if *a.audit {
			want.Mode, want.Asks = got.Mode, got.Asks
		}
		same = same && reflect.DeepEqual(want, got)
	}
	if !same {
		return fmt.Errorf("%s: its rules are others with an end written into it; write it in a simpler form of YAML, without anchors and tags", c.file)
	}
	return nil
}

// free refuses names, of the file and of its groups, that something adopted has already.
func (a *adoption) free(c *candidate, groups []string) error {
	all, err := adopt.List(a.folder)
	if err != nil {
		return err
	}
	for _, old := range all {
		taken := old.ID == c.id || slices.ContainsFunc(old.Groups, func(g string) bool { return slices.Contains(groups, g) })
		if taken && !old.Over(a.now()) {
			return fmt.Errorf("%s is adopted already, until %s: packetscope guard adopt --drop %s, first", old.ID, clock(old.Until), old.ID)
		}
	}
	return nil
}

// faulty prints faults and returns the error that says that there are some.
func (a *adoption) faulty(c *candidate, path string, faults []policy.Fault) error {
	if err := a.printFaults(c, path, faults); err != nil {
		return err
	}
	text := "not adopted: " + c.from + " has faults"
	if slices.ContainsFunc(faults, func(f policy.Fault) bool { return f.Code == policy.Lockout }) {
		text += " (--accept-lockout adopts it whatever it cuts off)"
	}
	return errors.New(text)
}

// printFaults names the file as the operator does.
func (a *adoption) printFaults(c *candidate, path string, faults []policy.Fault) error {
	for _, f := range faults {
		if f.At.File == path {
			f.At.File = c.file
		}
		if _, err := fmt.Fprintln(a.stderr, printableLine(f.String())); err != nil {
			return err
		}
	}
	return nil
}
