//go:build kernel && linux

package guarder

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// noDatagrams drops datagrams over IPv4; the life of the policy follows.
const noDatagrams = `version: 1
defaults: {mode: MODE, interfaces: [DEVICE]}
LIFE
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - rule: no-datagrams
    match: {family: ipv4, proto: udp, dst_port: 1024-65535}
    action: drop
    labels: {attack: flood}
`

// quiet logs nothing.
var quiet = slog.New(slog.DiscardHandler)

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// A lab is a policy file, and the network that it is for.
type lab struct {
	net    *testnet.Net
	file   string
	config Config
}

func newLab(t *testing.T) *lab {
	t.Helper()
	n := testnet.New(t)
	l := &lab{net: n, file: filepath.Join(t.TempDir(), "policy.yaml")}
	l.config = Config{Paths: []string{l.file}, Dir: filepath.Join(pins(t), "guard"), State: t.TempDir()}
	if testnet.InVM() {
		// A rehearsal would load the real program.
		l.config.rehearse, l.config.load = unrehearsed, standIn
	}
	t.Cleanup(func() { Detach(l.config.Dir) })
	return l
}

// newRealLab is newLab for tests that need the real program everywhere.
func newRealLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.config.load = nil
	return l
}

// write writes the policy with a mode, and lines that belong below failsafe.
func (l *lab) write(t *testing.T, mode, life string) {
	t.Helper()
	if life != "" {
		life = "failsafe:\n" + life
	}
	text := strings.NewReplacer("MODE", mode, "DEVICE", l.net.Right.Device, "LIFE\n", life).Replace(noDatagrams)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// do runs f where the policy is enforced.
func (l *lab) do(t *testing.T, f func() error) error {
	t.Helper()
	var err error
	l.net.Right.Do(t, func() { err = f() })
	return err
}

// apply puts the policy in force as it is written now.
func (l *lab) apply(t *testing.T, e *Engine) error {
	t.Helper()
	return l.do(t, func() error { return e.Apply(Order{}) })
}

func (l *lab) open(t *testing.T) *Engine {
	t.Helper()
	var e *Engine
	if err := l.do(t, func() (err error) {
		e, err = Open(l.config, logTo(t.Output()))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// credited returns what the rule did so far.
func credited(t *testing.T, e *Engine) map[string]Counts {
	t.Helper()
	s, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rules {
		if r.Rule == "no-datagrams" {
			return r.Counts
		}
	}
	t.Fatalf("no such rule in %+v", s.Rules)
	return nil
}

func TestPolicyIsEnforcedAndOutlivesTheAgent(t *testing.T) {
	l := newRealLab(t)
	l.config.rehearse = rehearse
	l.write(t, "enforce", "")
	e := l.open(t)
	if arrives(t, l.net) {
		t.Error("a datagram gets through")
	}
	if n := credited(t, e)["drop"]; n.Packets != 1 || n.Bytes == 0 {
		t.Errorf("the rule dropped %+v, want 1 packet", n)
	}
	e.Close()
	if arrives(t, l.net) {
		t.Error("a datagram gets through when the agent is gone")
	}
	l.config.rehearse = unrehearsed
	if testnet.InVM() {
		l.config.load = standIn
	}
	e = l.open(t)
	if n := credited(t, e)["drop"]; n.Packets != 2 {
		t.Errorf("a new agent counts %+v, want 2 packets", n)
	}
	if err := e.Detach(); err != nil {
		t.Error(err)
	}
	if !arrives(t, l.net) {
		t.Error("no datagram gets through after detaching")
	}
}

func TestBrokenPolicyChangesNothing(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	e := l.open(t)
	if err := os.WriteFile(l.file, []byte("version: 1\ngroups:\n- nome: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := l.apply(t, e)
	if err == nil || !strings.Contains(err.Error(), "policy.yaml:3:3") {
		t.Errorf("apply: %v", err)
	}
	if arrives(t, l.net) {
		t.Error("the policy before is not in force any more")
	}
	if s, err := e.Status(); err != nil || !s.ApplyFailed || s.Generation != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
}

func TestAuditNeverDrops(t *testing.T) {
	for name, c := range map[string]struct {
		mode    string
		ceiling policy.Mode
	}{"audited": {"audit", policy.Off}, "under a ceiling": {"enforce", policy.Audit}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.config.Ceiling = c.ceiling
			l.write(t, c.mode, "")
			e := l.open(t)
			if !arrives(t, l.net) {
				t.Error("a datagram does not get through")
			}
			if n := credited(t, e); n["would_drop"].Packets != 1 || n["drop"].Packets != 0 {
				t.Errorf("credited %+v", n)
			}
		})
	}
}

func TestUnconfirmedPolicyIsTakenBack(t *testing.T) {
	l := newLab(t)
	l.write(t, "audit", "")
	e := l.open(t)
	var later clock
	e.trial.After = later.after
	l.write(t, "enforce", "  confirm_within: 60s\n")
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	if arrives(t, l.net) {
		t.Error("the policy on trial is not in force")
	}
	later.expire()
	if !arrives(t, l.net) {
		t.Error("the policy is still in force")
	}
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	later.expire()
	if arrives(t, l.net) {
		t.Error("the confirmed policy is not in force any more")
	}
}

func TestFirstPolicyUnconfirmedLeavesNothingInForce(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "  confirm_within: 60s\n")
	e := l.open(t)
	if arrives(t, l.net) {
		t.Error("the policy on trial is not in force")
	}
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	if !arrives(t, l.net) {
		t.Error("the policy is still in force")
	}
}

func TestTripWireFallsBackToAudit(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "  trip_wire: {dropped_ratio: 0.3, min_rate: 1/s, over: 1s, then: audit}\n")
	e := l.open(t)
	until(t, func() bool { return arrives(t, l.net) })
	s, err := e.Status()
	if err != nil || !s.Tripped || s.Trips != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
	for _, r := range s.Rules {
		if r.Action == "drop" && (r.Mode != "audit" || r.Asks != "enforce" || r.Labels["attack"] != "flood") {
			t.Errorf("rule %+v, want one that asks for more than it gets, with its label", r)
		}
	}
}

// TestTripWireThatCannotAuditLetsPass has the kernel refuse the audited policy.
func TestTripWireThatCannotAuditLetsPass(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	e := l.open(t)
	e.cfg.load = func(*compile.Tables, compile.LoadOptions) (*compile.Generation, error) {
		return nil, errors.New("refused")
	}
	if err := l.do(t, e.fallBack); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("it fell back with: %v", err)
	}
	if s := status(t, e); !s.Tripped || s.InForce != InForceNothing || !arrives(t, l.net) {
		t.Errorf("status %+v", s)
	}
	e.cfg.load = l.config.load
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	if s := status(t, e); s.Tripped || s.InForce != InForcePolicy || arrives(t, l.net) {
		t.Errorf("status %+v", s)
	}
}

// TestProgramKeepsItsPin replaces a program where an agent died between the map and the
// pin, and fails: what is in force must stay within reach without CAP_SYS_ADMIN.
func TestProgramKeepsItsPin(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	e := l.open(t)
	pin := filepath.Join(e.store.dir, programPins[inForceEntry])
	if err := os.Rename(pin, pin+nextPin); err != nil {
		t.Fatal(err)
	}
	closed := verdict(t, 1)
	closed.Close()
	if err := e.store.Flip(closed); err == nil {
		t.Fatal("a closed program is put in force")
	}
	id, err := e.store.programID(inForceEntry)
	if p := pinnedProgram(pin, id); p == nil || err != nil {
		t.Errorf("program %d has no pin (%v)", id, err)
	} else {
		p.Close()
	}
}

// TestPolicyIsInForceWhateverBecomesOfItsPin has something in the place of the pin.
func TestPolicyIsInForceWhateverBecomesOfItsPin(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	e := l.open(t)
	pin := filepath.Join(e.store.dir, programPins[inForceEntry])
	if err := errors.Join(os.Remove(pin), os.Mkdir(pin, 0o700)); err != nil {
		t.Fatal(err)
	}
	l.write(t, "audit", "")
	if err := l.apply(t, e); err != nil {
		t.Error(err)
	}
	if s := status(t, e); s.Rules[0].Mode != "audit" || !arrives(t, l.net) {
		t.Errorf("in force is something else than the status says: %+v", s)
	}
	running, err := e.store.Running()
	if err != nil {
		t.Fatal(err)
	}
	running.Close()
}

// until waits for a condition.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testnet.Margin(20 * time.Second)); !condition(); {
		if time.Now().After(deadline) {
			t.Fatal("it never happens")
		}
		if testnet.InVM() { // whose only processor is to make it happen
			time.Sleep(20 * time.Millisecond)
		}
	}
}
