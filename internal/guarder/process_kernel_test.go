//go:build kernel && linux

package guarder

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// agentVariable has the test binary be an agent, as its value says.
const agentVariable = "PACKETSCOPE_TEST_AGENT"

// An agentOrder is what such an agent is told.
type agentOrder struct {
	Paths              []string
	Dir, State, Socket string
	// Keep are the capabilities that it keeps; nil means all.
	Keep []string
	// Unrehearsed and StandIn are as in newLab.
	Unrehearsed, StandIn bool
}

func TestMain(m *testing.M) {
	if text := os.Getenv(agentVariable); text != "" {
		if err := beAgent(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// beAgent enforces until it is killed, and says when it is ready.
func beAgent(text string) error {
	var o agentOrder
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	if o.Keep != nil {
		if _, err := kernel.DropTo(o.Keep); err != nil {
			return err
		}
	}
	l, err := ListenAdmin(o.Socket)
	if err != nil {
		return err
	}
	cfg := Config{Paths: o.Paths, Dir: o.Dir, State: o.State, Facts: host.Read, AcceptLockout: true}
	if o.Unrehearsed {
		cfg.rehearse = unrehearsed
	}
	if o.StandIn {
		cfg.load = standIn
	}
	e, err := Open(cfg, logTo(os.Stderr))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	return http.Serve(l, AdminHandler(e))
}

// A process is an agent of its own, and a client of it.
type process struct {
	Client
	cmd   *exec.Cmd
	ready *bufio.Reader
	log   strings.Builder
}

// run starts an agent where the policy is enforced. It is killed at the end of the test.
func (l *lab) run(t *testing.T, keep ...string) *process {
	t.Helper()
	p := &process{Client: Client{filepath.Join(t.TempDir(), "guard.sock")}}
	text, err := json.Marshal(agentOrder{l.config.Paths, l.config.Dir, l.config.State, p.Socket, keep, l.config.rehearse != nil, l.config.load != nil})
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command("/proc/self/exe")
	p.cmd.Env = append(os.Environ(), agentVariable+"="+string(text))
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.ready = bufio.NewReader(out)
	// A child is in the network namespace of the thread that starts it.
	if err := l.do(t, p.cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// wait returns when the policy is in force.
func (p *process) wait(t *testing.T) {
	t.Helper()
	if _, err := p.ready.ReadString('\n'); err != nil {
		p.kill()
		t.Fatalf("the agent ended: %v\n%s", err, p.log.String())
	}
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// A deluge sends datagrams over IPv4.
type deluge struct {
	net     *testnet.Net
	pair    *testnet.UDPPair
	before  uint64 // frames that had left
	arrived atomic.Uint64
	stop    atomic.Bool
	stopped chan struct{}
}

// frameSize is that of the flood's frames: payload, and headers of UDP, IPv4 and
// Ethernet.
const frameSize = 64 + 8 + 20 + 14

func startFlood(t *testing.T, n *testnet.Net) *deluge {
	t.Helper()
	f := &deluge{net: n, pair: datagram(t, n, testnet.IPv4), stopped: make(chan struct{})}
	t.Cleanup(f.pair.Close)
	f.pair.Receiver.SetReadDeadline(time.Time{})
	_, f.before = n.Left.Packets(t)
	go func() {
		for b := make([]byte, 100); ; {
			if _, err := f.pair.Receiver.Read(b); err != nil {
				return
			}
			f.arrived.Add(1)
		}
	}()
	go func() {
		defer close(f.stopped)
		for payload := make([]byte, 64); !f.stop.Load(); {
			if _, err := f.pair.Sender.Write(payload); err != nil {
				t.Errorf("send: %v", err)
				return
			}
			if testnet.InVM() { // whose only processor does everything else too
				time.Sleep(5 * time.Millisecond)
			}
		}
	}()
	return f
}

// end returns how many frames have left; what the driver had no room for has not.
func (f *deluge) end(t *testing.T) uint64 {
	t.Helper()
	f.stop.Store(true)
	<-f.stopped
	_, after := f.net.Left.Packets(t)
	return after - f.before
}

// TestEnforcementGoesOnWhenTheAgentIsKilled kills one agent after the other, at work and
// while it starts, under traffic that the policy drops: none may pass, and the counters of
// the last agent must have each frame once.
func TestEnforcementGoesOnWhenTheAgentIsKilled(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", "")
	p := l.run(t)
	p.wait(t)
	f := startFlood(t, l.net)
	p.kill()
	start := testnet.Margin(40 * time.Millisecond)
	deaths := 8
	if testnet.InVM() {
		deaths = 2
	}
	for n := range deaths {
		p = l.run(t)
		if n == 3 {
			p.wait(t)
		} else {
			time.Sleep(start * time.Duration(n) / 4) // somewhere on its way
		}
		p.kill()
	}
	p = l.run(t)
	p.wait(t)
	sent := f.end(t)
	var got Counts
	until(t, func() bool {
		s, err := p.Status()
		if err != nil {
			t.Fatal(err)
		}
		got = s.Rules[0].Counts["drop"]
		return got.Packets >= sent
	})
	if want := (Counts{sent, sent * frameSize}); got != want || f.arrived.Load() != 0 {
		t.Errorf("%d datagrams arrived, and counted are %+v, want %+v\n%s", f.arrived.Load(), got, want, p.log.String())
	}
	t.Logf("%d datagrams were dropped over the deaths of %d agents", sent, deaths+1)
}

// TestTrialOfAKilledAgentGoesOn kills the agent during a trial; the next one can confirm.
func TestTrialOfAKilledAgentGoesOn(t *testing.T) {
	l := newLab(t)
	l.write(t, "enforce", anHour)
	p := l.run(t)
	p.wait(t)
	p.kill()
	if arrives(t, l.net) {
		t.Error("the policy on trial is not in force any more")
	}
	p = l.run(t)
	p.wait(t)
	s, err := p.Status()
	if err != nil || s.ConfirmBy == nil {
		t.Fatalf("status %+v, %v", s, err)
	}
	if err := p.Confirm(); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p = l.run(t)
	p.wait(t)
	if s, err = p.Status(); err != nil || s.ConfirmBy != nil || arrives(t, l.net) {
		t.Errorf("it was confirmed: status %+v, %v", s, err)
	}
}

// TestAgentNeedsNoOtherCapabilities has one agent after the other with just those that
// are asked for: each finds what the one before has left.
func TestAgentNeedsNoOtherCapabilities(t *testing.T) {
	l := newLab(t)
	keep := slices.Collect(maps.Keys(Capabilities))
	l.write(t, "audit", "")
	p := l.run(t, keep...)
	p.wait(t)
	l.write(t, "enforce", anHour+"  established: keep\n  protect_applier: 1h\n")
	if err := p.Apply(Order{}); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p = l.run(t, keep...)
	p.wait(t)
	if s, err := p.Status(); err != nil || s.ConfirmBy == nil || arrives(t, l.net) {
		t.Errorf("the trial does not go on: %+v, %v\n%s", s, err, p.log.String())
	}
	if err := p.Rollback(); err != nil {
		t.Errorf("%v\n%s", err, p.log.String())
	}
	if err := p.Apply(Order{}); err != nil {
		t.Errorf("%v\n%s", err, p.log.String())
	}
	if err := p.Confirm(); err != nil {
		t.Errorf("%v\n%s", err, p.log.String())
	}
	p.kill()
	p = l.run(t, keep...)
	p.wait(t)
	if s, err := p.Status(); err != nil || s.ConfirmBy != nil || s.InForce != InForcePolicy || arrives(t, l.net) {
		t.Errorf("what was confirmed is not in force: %+v, %v", s, err)
	}
	if err := p.Detach(); err != nil || !arrives(t, l.net) {
		t.Errorf("detach: %v", err)
	}
	l.config.load = nil
	last := l.run(t, keep...)
	last.wait(t)
	last.kill()
	if testnet.InVM() {
		return // the rest takes a while, and is so everywhere
	}
	// Each of them is needed.
	for _, name := range keep {
		less := slices.DeleteFunc(slices.Clone(keep), func(other string) bool { return other == name })
		p := l.run(t, less...)
		if _, err := p.ready.ReadString('\n'); err == nil {
			t.Errorf("without %s it works all the same", name)
		}
		p.kill()
	}
}
