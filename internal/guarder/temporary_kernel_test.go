//go:build kernel && linux

package guarder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

// counting counts all datagrams over IPv4 to these ports, and would drop them later on.
const counting = `version: 1
defaults: {mode: audit, interfaces: [DEVICE]}
LIFE
groups:
- name: counting
  priority: 10
  rules:
  - {rule: datagrams, match: {family: ipv4, proto: udp, dst_port: 1024-65535}, action: count}
- name: tests
  priority: 100
  rules:
  - {rule: no-datagrams, match: {family: ipv4, proto: udp, dst_port: 1024-65535}, action: drop}
`

// adopted drops what the policy above counts, until a time.
const adopted = `version: 1
until: UNTIL
defaults: {mode: enforce}
groups:
- name: adopted
  priority: 50
  rules:
  - {rule: no-datagrams, match: {family: ipv4, proto: udp, dst_port: 1024-65535}, action: drop}
`

// A temporaryLab has a folder beside the policy, for temporary files.
type temporaryLab struct {
	*lab
	folder string
	apply  func() error
	until  time.Time
}

func newTemporaryLab(t *testing.T, life string) *temporaryLab {
	t.Helper()
	l := &temporaryLab{lab: newRealLab(t), folder: t.TempDir()}
	l.config.Paths = append(l.config.Paths, l.folder)
	l.permanent(t, life)
	return l
}

// permanent writes the policy that stays, with lines that belong below failsafe.
func (l *temporaryLab) permanent(t *testing.T, life string) {
	t.Helper()
	if life != "" {
		life = "failsafe:\n" + life
	}
	text := strings.NewReplacer("DEVICE", l.net.Right.Device, "LIFE\n", life).Replace(counting)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open starts an agent in this process.
func (l *temporaryLab) open(t *testing.T) *Engine {
	t.Helper()
	e := l.lab.open(t)
	l.apply = func() error { return l.lab.apply(t, e) }
	return e
}

// write writes the temporary file.
func (l *temporaryLab) write(t *testing.T, until time.Time) {
	t.Helper()
	l.until = until
	text := strings.ReplaceAll(adopted, "UNTIL", until.UTC().Format(time.RFC3339Nano))
	if err := os.WriteFile(filepath.Join(l.folder, "adopted.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// adopt puts the temporary file in force, and sees that it blocks. It returns when the
// file is not over yet, however busy the machine is.
func (l *temporaryLab) adopt(t *testing.T) {
	t.Helper()
	for ttl := testnet.Margin(2 * time.Second); ; ttl *= 2 {
		l.write(t, time.Now().Add(ttl))
		if err := l.apply(); err != nil {
			t.Fatal(err)
		}
		blocked := !arrives(t, l.net)
		if time.Now().After(l.until) {
			continue // it was over before anybody could look
		}
		if !blocked {
			t.Fatal("the temporary rule does not block")
		}
		return
	}
}

// blocks puts the temporary file in force, and sees by the counters that it blocks a flood.
// It returns after how many tries it saw that, before the file was over.
func (l *temporaryLab) blocks(t *testing.T, e *Engine) (tries uint64) {
	t.Helper()
	for ttl := testnet.Margin(2 * time.Second); ; ttl *= 2 {
		tries++
		before := status(t, e).Verdicts["drop"].Packets
		l.write(t, time.Now().Add(ttl))
		if err := l.apply(); err != nil {
			t.Fatal(err)
		}
		s := status(t, e)
		for ; time.Now().Before(l.until) && s.Verdicts["drop"].Packets == before; s = status(t, e) {
		}
		if time.Now().After(l.until) {
			l.isTakenOut(t, e)
			continue
		}
		want := []string{"counting/datagrams", "adopted/no-datagrams until " + l.until.UTC().Format(time.RFC3339Nano), "tests/no-datagrams"}
		if got := rulesOf(s); !cmp.Equal(want, got) {
			t.Errorf("rules %q, want %q", got, want)
		}
		return tries
	}
}

// ends waits until datagrams pass, which they may not before the file is over.
func (l *temporaryLab) ends(t *testing.T) {
	t.Helper()
	for time.Now().Before(l.until) {
		if arrives(t, l.net) && time.Now().Before(l.until) {
			t.Fatal("the temporary rule ends too soon")
		}
	}
	until(t, func() bool { return arrives(t, l.net) })
	if arrives(t, l.net); !arrives(t, l.net) {
		t.Error("the rule blocks again")
	}
}

// isTakenOut waits until the agent does not know the rule any more, which it does until the
// file is over.
func (l *temporaryLab) isTakenOut(t *testing.T, e *Engine) {
	t.Helper()
	for time.Now().Before(l.until) {
		if len(status(t, e).Rules) == len(permanentRules) && time.Now().Before(l.until) {
			t.Fatal("the temporary rule is taken out too soon")
		}
		time.Sleep(10 * time.Millisecond)
	}
	until(t, func() bool { return cmp.Equal(rulesOf(status(t, e)), permanentRules) })
}

// rulesOf returns what rules the agent knows, with their ends.
func rulesOf(s Status) (all []string) {
	for _, r := range s.Rules {
		end := ""
		if r.Until != nil {
			end = " until " + r.Until.Format(time.RFC3339Nano)
		}
		all = append(all, r.Group+"/"+r.Rule+end)
	}
	return all
}

var permanentRules = []string{"counting/datagrams", "tests/no-datagrams"}

// TestTemporaryRuleEndsWithAnAgent has an agent take the rule out, and compares the
// counters of the rules that stay with what was sent.
func TestTemporaryRuleEndsWithAnAgent(t *testing.T) {
	l := newTemporaryLab(t, "")
	e := l.open(t)
	if s := status(t, e); !cmp.Equal(s.Folders, []string{l.folder}) {
		t.Errorf("folders %q, want %q", s.Folders, l.folder)
	}
	f := startFlood(t, l.net)
	until(t, func() bool { return f.arrived.Load() > 0 })
	tries := l.blocks(t, e)
	generation := status(t, e).Generation
	l.isTakenOut(t, e)
	if late := time.Since(l.until); late > testnet.Margin(10*time.Second) {
		t.Errorf("it was taken out %v after its end", late)
	}
	arrived := f.arrived.Load()
	until(t, func() bool { return f.arrived.Load() > arrived })
	sent := f.end(t)
	var s Status
	until(t, func() bool {
		s = status(t, e)
		return s.Rules[0].Counts["count"].Packets >= sent
	})
	if want := (Counts{sent, sent * frameSize}); s.Rules[0].Counts["count"] != want {
		t.Errorf("the rule that stays has counted %+v, want %+v", s.Rules[0].Counts["count"], want)
	}
	blocked := sent - s.Rules[1].Counts["would_drop"].Packets
	if blocked == 0 || blocked == sent || s.Verdicts["drop"].Packets != blocked {
		t.Errorf("of %d datagrams %d were not dropped by the temporary rule, and %+v in all", sent, sent-blocked, s.Verdicts)
	}
	expired := s.RulesExpired
	if expired == 0 || expired > tries || s.Generation != generation+1 || s.ConfirmBy != nil || s.ApplyFailed {
		t.Errorf("status %+v", s)
	}
	// It is over for those who read the file now, too.
	if err := l.apply(); err != nil {
		t.Fatal(err)
	}
	if s := status(t, e); !cmp.Equal(rulesOf(s), permanentRules) || s.RulesExpired != expired || s.Rules[0].Counts["count"].Packets != sent {
		t.Errorf("applied after its end: status %+v", s)
	}
}

// TestTemporaryRuleEndsWithoutAnAgent kills the agent before the end.
func TestTemporaryRuleEndsWithoutAnAgent(t *testing.T) {
	l := newTemporaryLab(t, "")
	p := l.run(t)
	p.wait(t)
	l.apply = func() error { return p.Apply(Order{}) }
	l.adopt(t)
	p.kill()
	if blocked := !arrives(t, l.net); !blocked && time.Now().Before(l.until) {
		t.Error("the temporary rule ends with the agent")
	}
	l.ends(t)
	p = l.run(t)
	p.wait(t)
	s, err := p.Status()
	if err != nil || !cmp.Equal(rulesOf(s), permanentRules) || s.RulesExpired != 0 || !arrives(t, l.net) {
		t.Errorf("status %+v, %v", s, err)
	}
	if log := p.log.String(); !strings.Contains(log, "adopted.yaml:2:8: warning[G305]") {
		t.Errorf("the log does not tell that the file is over: %s", log)
	}
}

// TestEndOfATemporaryRuleIsNoChangeToConfirm confirms a policy with a temporary rule: what
// is left of it is confirmed, too, for the agents that come.
func TestEndOfATemporaryRuleIsNoChangeToConfirm(t *testing.T) {
	if testnet.InVM() {
		return // to load policies takes a while there, and the agent does the same everywhere
	}
	l := newTemporaryLab(t, anHour)
	e := l.open(t)
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	l.adopt(t)
	if !onTrial(t, e) {
		t.Error("the policy with the temporary rule is not on trial")
	}
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	l.ends(t)
	l.isTakenOut(t, e)
	for range 2 {
		if s := status(t, e); s.ConfirmBy != nil || s.InForce != InForcePolicy || !cmp.Equal(rulesOf(s), permanentRules) {
			t.Errorf("after the end: %+v", s)
		}
		e.Close()
		e = l.open(t)
	}
}

// TestTrialGoesOnOverTheEndOfATemporaryRule has the rule end while the policy that it came
// with is on trial.
func TestTrialGoesOnOverTheEndOfATemporaryRule(t *testing.T) {
	if testnet.InVM() {
		return // to load policies takes a while there, and the agent does the same everywhere
	}
	for name, confirm := range map[string]bool{"confirmed": true, "taken back": false} {
		t.Run(name, func(t *testing.T) {
			l := newTemporaryLab(t, "")
			e := l.open(t)
			l.permanent(t, anHour)
			l.adopt(t)
			ends := *status(t, e).ConfirmBy
			l.ends(t)
			l.isTakenOut(t, e)
			for range 2 {
				s := status(t, e)
				if s.ConfirmBy == nil || s.ConfirmBy.Sub(ends).Abs() > time.Second || !cmp.Equal(rulesOf(s), permanentRules) {
					t.Fatalf("the trial ends at %v, and was to end at %v: %+v", s.ConfirmBy, ends, s)
				}
				e.Close()
				e = l.open(t)
			}
			if confirm {
				if err := e.Confirm(); err != nil {
					t.Fatal(err)
				}
			} else if err := e.Rollback(); err != nil {
				t.Fatal(err)
			}
			e.Close()
			e = l.open(t)
			want := map[bool]string{true: InForcePolicy, false: InForceEarlier}[confirm]
			if s := status(t, e); s.ConfirmBy != nil || s.InForce != want || !arrives(t, l.net) {
				t.Errorf("it was %s: %+v", name, s)
			}
		})
	}
}

// TestTrialOfATemporaryRuleRefusesNothingElse takes a trial back when the rule that it was
// about is over already: what is left was confirmed before.
func TestTrialOfATemporaryRuleRefusesNothingElse(t *testing.T) {
	if testnet.InVM() {
		return // to load policies takes a while there, and the agent does the same everywhere
	}
	l := newTemporaryLab(t, anHour)
	e := l.open(t)
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	l.adopt(t)
	l.ends(t)
	l.isTakenOut(t, e)
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	e.Close()
	e = l.open(t)
	if s := status(t, e); s.ConfirmBy != nil || s.InForce != InForcePolicy || !cmp.Equal(rulesOf(s), permanentRules) {
		t.Errorf("what was confirmed before is not in force: %+v", s)
	}
}

// TestWhatComesBackHasNoRuleThatIsOver takes a trial back, before which a rule was in force
// that has ended meanwhile.
func TestWhatComesBackHasNoRuleThatIsOver(t *testing.T) {
	if testnet.InVM() {
		return // to load policies takes a while there, and the agent does the same everywhere
	}
	l := newTemporaryLab(t, "")
	e := l.open(t)
	l.adopt(t)
	with := l.until
	if err := os.Remove(filepath.Join(l.folder, "adopted.yaml")); err != nil {
		t.Fatal(err)
	}
	l.permanent(t, anHour)
	if err := l.apply(); err != nil {
		t.Fatal(err)
	}
	if !arrives(t, l.net) {
		t.Error("without its file the rule is in force")
	}
	time.Sleep(time.Until(with))
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	if !arrives(t, l.net) {
		t.Error("a rule that is over came back")
	}
	until(t, func() bool { return cmp.Equal(rulesOf(status(t, e)), permanentRules) })
}

// TestEndsFollowTheWallClock has an agent that believes that the clock was another one when
// it loaded the policy.
func TestEndsFollowTheWallClock(t *testing.T) {
	if testnet.InVM() {
		return // to load policies takes a while there, and the agent does the same everywhere
	}
	l := newTemporaryLab(t, "")
	l.write(t, time.Now().Add(time.Hour))
	e := l.open(t)
	generation := status(t, e).Generation
	e.mu.Lock()
	if err := e.expire(time.Now()); err != nil || e.store.Meta.Generation != generation {
		t.Errorf("the clock is right, and the policy was loaded again: %v", err)
	}
	e.current.epoch = e.current.epoch.Add(-2 * time.Hour)
	err := e.expire(time.Now())
	now, after := e.current.epoch, e.store.Meta.Generation
	e.mu.Unlock()
	if off := bootZero().Sub(now).Abs(); err != nil || off > clockStep || after != generation+1 || arrives(t, l.net) {
		t.Errorf("ends are %v off, generation %d after %d: %v", off, after, generation, err)
	}
	// By the wall clock of those who look, it is over: whatever the kernel's says.
	e.mu.Lock()
	err = e.expire(l.until)
	e.mu.Unlock()
	if s := status(t, e); err != nil || !cmp.Equal(rulesOf(s), permanentRules) || s.RulesExpired != 1 || !arrives(t, l.net) {
		t.Errorf("status %+v, %v", s, err)
	}
}

// TestFolderOfAPolicyMayBeEmpty takes temporary files in and out by their folder, in the
// order of their names.
func TestFolderOfAPolicyMayBeEmpty(t *testing.T) {
	if testnet.InVM() {
		return // to load policies takes a while there, and the agent does the same everywhere
	}
	l := newTemporaryLab(t, "")
	e := l.open(t)
	for _, step := range []struct {
		files []string
		want  []string
	}{
		{nil, permanentRules},
		{[]string{"b", "a"}, []string{"counting/datagrams", "tests/no-datagrams", "a/r", "b/r"}},
		{[]string{"b"}, []string{"counting/datagrams", "tests/no-datagrams", "b/r"}},
		{nil, permanentRules},
	} {
		for _, name := range []string{"a", "b"} {
			os.Remove(filepath.Join(l.folder, name+".yaml"))
		}
		for _, name := range step.files {
			text := fmt.Sprintf("version: 1\nuntil: 2999-01-01T00:00:00Z\ngroups: [{name: %s, rules: [{rule: r, match: {proto: esp}, action: count}]}]\n", name)
			if err := os.WriteFile(filepath.Join(l.folder, name+".yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.apply(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range status(t, e).Rules {
			got = append(got, r.Group+"/"+r.Rule)
		}
		if !cmp.Equal(step.want, got) {
			t.Errorf("with files %v: rules %q, want %q", step.files, got, step.want)
		}
	}
}
