//go:build kernel && linux

package guarder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/testnet"
)

const anHour = "  confirm_within: 1h\n"

// status returns it.
func status(t *testing.T, e *Engine) Status {
	t.Helper()
	s, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// onTrial tells whether the policy in force waits to be confirmed.
func onTrial(t *testing.T, e *Engine) bool { return status(t, e).ConfirmBy != nil }

// reboot ends the agent and takes everything out of the kernel, as a reboot does.
func (l *lab) reboot(t *testing.T, e *Engine) {
	t.Helper()
	e.Close()
	if _, err := Detach(l.config.Dir); err != nil {
		t.Fatal(err)
	}
}

func TestConfirmedPolicyIsNotOnTrialAgain(t *testing.T) {
	l := newLab(t)
	set := filepath.Join(filepath.Dir(l.file), "set.txt")
	write := func(set, comment string) {
		t.Helper()
		l.write(t, "enforce", anHour)
		text, err := os.ReadFile(l.file)
		if err == nil {
			err = errors.Join(
				os.WriteFile(filepath.Join(filepath.Dir(l.file), "set.txt"), []byte(set), 0o600),
				os.WriteFile(l.file, append(text, "  - {rule: set, match: {proto: tcp, src_set: some}, action: count}\nsets: {some: {type: prefix, file: set.txt}}\n"+comment...), 0o600),
			)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("192.0.2.0/24\n", "")
	e := l.open(t)
	if !onTrial(t, e) || arrives(t, l.net) {
		t.Error("the first policy is not on trial")
	}
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	e.Close()
	if err := os.WriteFile(set, []byte("198.51.100.0/24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e = l.open(t)
	if onTrial(t, e) || arrives(t, l.net) {
		t.Error("with another set it is on trial again")
	}
	l.reboot(t, e)
	if !arrives(t, l.net) {
		t.Error("the reboot of the test left something in the kernel")
	}
	e = l.open(t)
	if onTrial(t, e) || arrives(t, l.net) {
		t.Error("after a reboot it is on trial again")
	}
	l.reboot(t, e)
	write("192.0.2.0/24\n", "# changed\n")
	e = l.open(t)
	if !onTrial(t, e) || arrives(t, l.net) {
		t.Error("another text is not on trial after a reboot")
	}
}

// TestTrialGoesOnWithTheNextAgent ends the agent during a trial.
func TestTrialGoesOnWithTheNextAgent(t *testing.T) {
	l := newLab(t)
	l.write(t, "audit", "")
	e := l.open(t)
	l.write(t, "enforce", anHour)
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	ends := *status(t, e).ConfirmBy
	for range 2 {
		e.Close()
		if arrives(t, l.net) {
			t.Error("without an agent the policy is not in force before its time is over")
		}
		e = l.open(t)
		if s := status(t, e); s.ConfirmBy == nil || s.ConfirmBy.Sub(ends).Abs() > time.Second {
			t.Errorf("the trial ends at %v, and ended at %v", s.ConfirmBy, ends)
		}
	}
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	if !arrives(t, l.net) {
		t.Error("what was before all is not in force")
	}
	if s := status(t, e); s.InForce != InForceEarlier || s.ConfirmBy != nil || len(s.Rules) != 0 || len(s.Devices) != 1 {
		t.Errorf("status %+v", s)
	}
}

// TestTrialWhoseTimeIsOverIsTakenBackAtTheStart ends the agent during a trial, and starts
// another one when it is too late to confirm.
func TestTrialWhoseTimeIsOverIsTakenBackAtTheStart(t *testing.T) {
	for name, first := range map[string]bool{"another policy was before": false, "nothing was before": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			inForce := InForceNothing
			if !first {
				l.write(t, "audit", "")
				l.open(t).Close()
				inForce = InForceEarlier
			}
			l.write(t, "enforce", anHour)
			e := l.open(t)
			e.store.Meta.Deadline = 1
			if err := e.store.write(); err != nil {
				t.Fatal(err)
			}
			e.Close()
			for _, when := range []string{"first", "again"} {
				e = l.open(t)
				if s := status(t, e); s.InForce != inForce || s.ConfirmBy != nil || !arrives(t, l.net) {
					t.Errorf("started %s: the policy that nobody confirmed is in force: %+v", when, s)
				}
				e.Close()
			}
			e = l.open(t)
			if err := l.apply(t, e); err != nil {
				t.Fatal(err)
			}
			if !onTrial(t, e) || arrives(t, l.net) {
				t.Error("applied, it is not on trial again")
			}
			if err := e.Confirm(); err != nil {
				t.Fatal(err)
			}
			e.Close()
			e = l.open(t)
			if s := status(t, e); s.InForce != InForcePolicy || s.ConfirmBy != nil || arrives(t, l.net) {
				t.Errorf("it was confirmed: %+v", s)
			}
		})
	}
}

// TestKernelEndsTheTrialOfAnAgentThatDied has no agent when the time is over.
func TestKernelEndsTheTrialOfAnAgentThatDied(t *testing.T) {
	within := 4 * time.Second // it begins before the policy is written and attached
	if testnet.InVM() {
		within = 20 * time.Second
	}
	l := newLab(t)
	l.write(t, "audit", "")
	l.open(t).Close()
	l.write(t, "enforce", "  confirm_within: "+within.String()+"\n")
	l.open(t).Close()
	if arrives(t, l.net) {
		t.Error("the policy on trial is not in force")
	}
	until(t, func() bool { return arrives(t, l.net) })
	// It is still the policy before that is in force, and not none.
	e := l.open(t)
	if s := status(t, e); s.InForce != InForceEarlier || s.ConfirmBy != nil {
		t.Errorf("status %+v", s)
	}
}

// TestPolicyOnTrialIsReplaced puts a second policy on trial while the first is: what was
// before both comes back.
func TestPolicyOnTrialIsReplaced(t *testing.T) {
	l := newLab(t)
	l.write(t, "audit", "")
	e := l.open(t)
	for _, life := range []string{anHour, "  confirm_within: 2h\n"} {
		l.write(t, "enforce", life)
		if err := l.apply(t, e); err != nil {
			t.Fatal(err)
		}
		if arrives(t, l.net) {
			t.Error("the policy on trial is not in force")
		}
	}
	// A broken one changes nothing, not even the trial.
	if err := os.WriteFile(l.file, []byte("version: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.apply(t, e); err == nil {
		t.Error("a broken policy is applied")
	}
	if left := time.Until(*status(t, e).ConfirmBy).Round(time.Minute); left != 2*time.Hour {
		t.Errorf("the trial ends in %v", left)
	}
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	if s := status(t, e); !arrives(t, l.net) || s.InForce != InForcePolicy || s.Rules[0].Mode != "audit" {
		t.Errorf("what was before both is not in force: %+v", s)
	}
	// Without a trial, it is in force for good.
	l.write(t, "enforce", anHour)
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	l.write(t, "enforce", "")
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	if err := e.Confirm(); !errors.Is(err, ErrNoTrial) {
		t.Errorf("confirm: %v", err)
	}
	if onTrial(t, e) || arrives(t, l.net) {
		t.Error("the policy without a trial is not in force")
	}
}

// TestChangeThatFailsForgetsNothing applies a confirmed policy again, on a device that
// runs another program by now.
func TestChangeThatFailsForgetsNothing(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", anHour)
	text, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "["+l.net.Right.Device, `["late*", `+l.net.Right.Device, 1))
	if err := os.WriteFile(l.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	e := l.open(t)
	if err := e.Confirm(); err != nil {
		t.Fatal(err)
	}
	late := addDevice(t, l.net, "other0")
	l.net.Right.Do(t, func() {
		other, err := link.AttachXDP(link.XDPOptions{Program: verdict(t, 2), Interface: late.Index})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { other.Close() })
		device, err := netlink.LinkByIndex(late.Index)
		if err == nil {
			err = errors.Join(netlink.LinkSetDown(device), netlink.LinkSetName(device, "late0"), netlink.LinkSetUp(device))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if err := l.apply(t, e); !errors.Is(err, ErrOtherProgram) {
		t.Fatalf("apply: %v", err)
	}
	if s := status(t, e); s.ConfirmBy != nil || s.InForce != InForcePolicy || !s.ApplyFailed || arrives(t, l.net) {
		t.Errorf("status %+v", s)
	}
	memory, err := OpenMemory(l.config.State)
	if err != nil || !memory.Confirmed(e.current.fingerprint) {
		t.Errorf("that it was confirmed is forgotten: %+v, %v", memory, err)
	}
}

// TestTrialThatIsTakenBackGivesItsDevicesBack puts a policy on trial that is for one more
// device. What comes back was never for that one, and drops there what nobody asked it to.
func TestTrialThatIsTakenBackGivesItsDevicesBack(t *testing.T) {
	for name, restarts := range map[string]int{"to a policy that is known": 0, "to that of an agent before": 1, "after a restart": 2, "at a start that is too late": 3} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			another, right := addDevice(t, l.net, "late0"), rightSide(t, l.net)
			l.write(t, "enforce", "")
			e := l.open(t)
			text, err := os.ReadFile(l.file)
			if err != nil {
				t.Fatal(err)
			}
			next := strings.Replace(string(text), "["+right.Name, "[late0, "+right.Name, 1) + "failsafe: {confirm_within: 1h}\n"
			if err := os.WriteFile(l.file, []byte(next), 0o600); err != nil {
				t.Fatal(err)
			}
			if restarts == 0 {
				if err := l.apply(t, e); err != nil {
					t.Fatal(err)
				}
			}
			for range min(restarts, 2) {
				e.Close()
				e = l.open(t)
			}
			if !hasProgram(t, l, another) || !hasProgram(t, l, right) {
				t.Error("the policy on trial is not on its devices")
			}
			if restarts == 3 {
				e.store.Meta.Deadline = 1
				if err := e.store.write(); err != nil {
					t.Fatal(err)
				}
				e.Close()
				l.open(t)
			} else if err := e.Rollback(); err != nil {
				t.Fatal(err)
			}
			if hasProgram(t, l, another) {
				t.Error("what was before the trial is on the device that the trial came to")
			}
			if !hasProgram(t, l, right) || arrives(t, l.net) {
				t.Error("what was before the trial is not in force any more")
			}
			if pins, err := filepath.Glob(filepath.Join(l.config.Dir, "link_*")); err != nil || len(pins) != 1 {
				t.Errorf("pinned are %v, %v", pins, err)
			}
		})
	}
}

// TestDeviceThatCameDuringATrialKeepsWhatComesBack has a device come during a trial that
// both policies are for.
func TestDeviceThatCameDuringATrialKeepsWhatComesBack(t *testing.T) {
	l := newLab(t)
	write := func(life string) {
		t.Helper()
		text := strings.ReplaceAll(late, "DEVICE", l.net.Right.Device) + life
		if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	e := l.open(t)
	write("failsafe: {confirm_within: 1h}\n")
	if err := l.apply(t, e); err != nil {
		t.Fatal(err)
	}
	came := addDevice(t, l.net, "late0")
	until(t, func() bool { return devicesOf(t, e)["late0"] == Native })
	if err := e.Rollback(); err != nil {
		t.Fatal(err)
	}
	if !hasProgram(t, l, came) {
		t.Error("it is bare")
	}
}

// hasProgram tells whether a device on the right runs a program of XDP.
func hasProgram(t *testing.T, l *lab, d Device) bool {
	t.Helper()
	var id uint32
	if err := l.do(t, func() (err error) {
		_, id, err = running(d)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return id != 0
}
