//go:build kernel && linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/packetscope/packetscope/internal/testnet"
)

// guardPolicies are those of the demo in compose.yaml.
var guardPolicies = []string{
	"guard.yaml", "../../rules/guarder/baseline.yaml", "../../rules/guarder/forged-icmp.yaml", "../../rules/guarder/out-of-state.yaml", "../../rules/guarder/examples.yaml",
}

// A guard is the agent of Guarder in front of the server. The demo knows nothing of it,
// so it is asked as its users do.
type guard struct{ program, socket string }

// guarded is what the agent tells, as far as the test looks at it.
type guarded struct {
	Rules []struct {
		Group, Rule string
		Counts      map[string]struct{ Packets int }
	}
	Unparsable map[string]struct{ Packets int }
}

// guardServer starts the agent, until the test ends.
func guardServer(t *testing.T, n *testnet.Net) guard {
	t.Helper()
	dir := t.TempDir()
	g := guard{filepath.Join(dir, "packetscope"), filepath.Join(dir, "guard.sock")}
	if out, err := exec.Command("go", "build", "-o", g.program, "../packetscope").CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, out)
	}
	pins, err := os.MkdirTemp("/sys/fs/bpf", "packetscope_demo_test_")
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{"--socket=" + g.socket, "--pins=" + pins + "/guard"}
	agent := exec.Command(g.program, append(append([]string{"guard", "run", "--device=" + n.Right.Device, "--state=" + filepath.Join(dir, "state")}, flags...), guardPolicies...)...)
	agent.Stderr = t.Output()
	n.Right.Do(t, func() { err = agent.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		agent.Process.Signal(syscall.SIGTERM)
		if err := agent.Wait(); err != nil {
			t.Errorf("the agent ended with %v", err)
		}
		n.Right.Do(t, func() {
			if out, err := exec.Command(g.program, append([]string{"guard", "detach"}, flags...)...).CombinedOutput(); err != nil {
				t.Errorf("detach: %v\n%s", err, out)
			}
		})
		os.Remove(pins)
	})
	return g
}

// status returns nothing while the agent does not answer.
func (g guard) status() (s guarded) {
	out, err := exec.Command(g.program, "guard", "status", "--json", "--socket="+g.socket).Output()
	if err != nil || json.Unmarshal(out, &s) != nil {
		return guarded{}
	}
	return s
}

// credited returns the packets that a rule was credited with.
func (s guarded) credited(group, rule, verdict string) int {
	for _, r := range s.Rules {
		if r.Group == group && r.Rule == rule {
			return r.Counts[verdict].Packets
		}
	}
	return 0
}

// TestGuarderStopsTheAttacks plays the demo against a server behind Guarder: each rule
// that a task is for is credited, and everything else works as without it.
func TestGuarderStopsTheAttacks(t *testing.T) {
	if testnet.InVM() {
		t.Skip("the emulated machine has no go command to build the agent with")
	}
	n := testnet.New(t)
	n.Right.Set(t, "ipv4/ip_forward", "1")
	n.Left.ResolveNeighbours(t, n.Left.Device)
	n.Right.ResolveNeighbours(t, n.Right.Device)
	agent, deadline := guardServer(t, n), patient()
	eventually(t, deadline, "the agent answers", func() bool { return agent.status().Rules != nil })
	server := join(t, n.Right, "server")
	eventually(t, deadline, "the server serves", func() bool { return server.said("msg=serving") })
	player := join(t, n.Left, "client", "--server="+n.Right.V4.String(), "--server="+n.Right.V6.String())

	stopped := map[string]bool{}
	for _, want := range []struct{ task, group, rule, verdict string }{
		{"odd-flags", "sanity", "tcp-impossible-flags", "drop"},
		{"probes", "services-from-outside", "telnet", "would_drop"},
		{"probes", "services-from-outside", "desktops", "would_drop"},
		{"port-scan", "demo", "port-scan", "would_drop"},
		{"forged-icmp", "forged-icmp", "ptb-quoting-echo-reply", "drop"},
		{"forged-icmp", "forged-icmp", "ptb-below-ipv6-minimum", "drop"},
		{"redirect", "forged-icmp", "redirect", "drop"},
		{"clock", "demo", "clock", "drop"},
		{"challenge-ack", "out-of-state", "syn-on-connection", "would_drop"},
		{"port-unreachable", "out-of-state", "closed-udp-port", "would_drop"},
	} {
		stopped[want.rule] = want.verdict == "drop"
		eventually(t, deadline, want.task+": rule "+want.group+"/"+want.rule+" has "+want.verdict, func() bool {
			return agent.status().credited(want.group, want.rule, want.verdict) > 0
		})
	}
	eventually(t, deadline, "broken-header: Guarder cannot read it", func() bool { return agent.status().Unparsable["bad_header_length"].Packets > 0 })
	for _, task := range plan {
		if task.fault {
			eventually(t, deadline, task.name+" is in the log", func() bool { return player.said("fault=" + task.name + " ") })
		}
	}
	for _, r := range agent.status().Rules {
		if n := r.Counts["drop"].Packets; n > 0 && !stopped[r.Rule] {
			t.Errorf("rule %s/%s drops %d packets of the demo", r.Group, r.Rule, n)
		}
	}
	if player.said("task failed") {
		t.Error("something failed behind Guarder, see the log")
	}
}
