//go:build kernel && linux

package guarder

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// noLogin drops what comes to a port; the life of the policy follows.
const noLogin = `version: 1
defaults: {mode: enforce, interfaces: [DEVICE]}
failsafe:
LIFE
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - rule: no-login
    match: {proto: tcp, dst_port: PORT}
    action: drop
`

// A shell is a server that repeats what it is told, as that of SSH does for who types.
type shell struct {
	net      *testnet.Net
	listener net.Listener
	port     uint16
}

// newShell starts one on the right, over both families.
func newShell(t *testing.T, n *testnet.Net) *shell {
	t.Helper()
	s := &shell{net: n}
	n.Right.Do(t, func() {
		var err error
		if s.listener, err = net.Listen("tcp", ":0"); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { s.listener.Close() })
	s.port = netip.MustParseAddrPort(s.listener.Addr().String()).Port()
	go func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	return s
}

// dial connects from the left.
func (s *shell) dial(ctx context.Context, t *testing.T, f testnet.Family) (c net.Conn, err error) {
	t.Helper()
	s.net.Left.Do(t, func() {
		c, err = new(net.Dialer).DialContext(ctx, "tcp", netip.AddrPortFrom(s.net.Right.Addr(f), s.port).String())
	})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func (s *shell) login(t *testing.T, f testnet.Family) net.Conn {
	t.Helper()
	c, err := s.dial(t.Context(), t, f)
	if err != nil {
		t.Fatal(err)
	}
	works(t, c)
	return c
}

// works fails if the connection does not repeat what it is told.
func works(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second)))
	if _, err := c.Write([]byte("ls\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 3)); err != nil {
		t.Fatalf("the connection is cut: %v", err)
	}
}

// refused fails if a new connection can be made.
func (s *shell) refused(t *testing.T, e *Engine, f testnet.Family) {
	t.Helper()
	if !s.refusedBy(t, e, "no-login", f) {
		t.Error("a new connection is not dropped")
	}
}

// refusedBy tells whether no new connection can be made. It waits no longer than until the rule
// has dropped something.
func (s *shell) refusedBy(t *testing.T, e *Engine, rule string, f testnet.Family) bool {
	t.Helper()
	before := droppedBy(t, e, rule)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		c, err := s.dial(ctx, t, f)
		if err == nil {
			c.Close()
		}
		answer <- err
	}()
	until(t, func() bool { return len(answer) > 0 || droppedBy(t, e, rule) > before })
	cancel()
	return <-answer != nil
}

// operator is how the host sees a connection.
func operator(c net.Conn) host.Connection {
	return host.Connection{Local: netip.MustParseAddrPort(c.RemoteAddr().String()), Remote: netip.MustParseAddrPort(c.LocalAddr().String())}
}

func droppedBy(t *testing.T, e *Engine, rule string) uint64 {
	t.Helper()
	s, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Rules {
		if r.Rule == rule {
			return r.Counts["drop"].Packets
		}
	}
	t.Fatalf("no rule %q in %+v", rule, s.Rules)
	return 0
}

func (l *lab) writeLogin(t *testing.T, s *shell, life string) {
	t.Helper()
	text := strings.NewReplacer("DEVICE", l.net.Right.Device, "LIFE\n", life, "PORT", fmt.Sprint(s.port)).Replace(noLogin)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSessionSurvivesThePolicyThatWouldHaveCutIt logs in over both families, and then
// forbids to log in.
func TestSessionSurvivesThePolicyThatWouldHaveCutIt(t *testing.T) {
	l := newRealLab(t)
	s := newShell(t, l.net)
	sessions := []net.Conn{s.login(t, testnet.IPv4), s.login(t, testnet.IPv6)}
	work := func() {
		t.Helper()
		for _, session := range sessions {
			works(t, session)
		}
	}
	l.writeLogin(t, s, "  established: keep\n")
	e := l.open(t)
	work()
	s.refused(t, e, testnet.IPv4)
	s.refused(t, e, testnet.IPv6)
	if got := status(t, e); got.KeptConnections != 2 || got.Kept.Packets < 2 || got.Kept.Bytes < 60*got.Kept.Packets {
		t.Errorf("status %+v", got)
	}
	// An agent that comes back must not forget them.
	e.Close()
	work()
	e = l.open(t)
	work()
	for left := 1; left >= 0; left-- {
		sessions[left].Close()
		until(t, func() bool {
			l.do(t, func() error { e.look(time.Now(), true); return nil })
			return status(t, e).KeptConnections == left
		})
	}
}

// TestSessionSurvivesOnlyIfItIsKept is the same without the promise, and with an operator
// who accepts to be locked out.
func TestSessionSurvivesOnlyIfItIsKept(t *testing.T) {
	l := newRealLab(t)
	s := newShell(t, l.net)
	session := s.login(t, testnet.IPv4)
	l.config.Facts = func() (*host.Facts, error) {
		facts, err := host.Read()
		if err == nil {
			facts.Operator = []host.Connection{operator(session)}
		}
		return facts, err
	}
	var e *Engine
	start := func() error {
		return l.do(t, func() (err error) {
			e, err = Open(l.config, quiet)
			return err
		})
	}
	l.writeLogin(t, s, "  established: keep\n")
	// The session would be kept, the next one not.
	if err := start(); err == nil || !strings.Contains(err.Error(), "G301") || !strings.Contains(err.Error(), "your next connection") {
		t.Fatalf("the policy is refused with: %v", err)
	}
	// So it is on a device that the policy does not name.
	text, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.file, []byte(strings.Replace(string(text), "["+l.net.Right.Device+"]", "[lo]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	l.config.Devices = []string{l.net.Right.Device + "?"}
	if err := start(); err == nil || !strings.Contains(err.Error(), "G301") {
		t.Fatalf("the policy is refused on another device with: %v", err)
	}
	l.config.Devices = nil
	l.writeLogin(t, s, "  established: keep\n")
	l.config.AcceptLockout = true
	if err := start(); err != nil {
		t.Fatal(err)
	}
	works(t, session)
	e.cfg.AcceptLockout = false
	l.writeLogin(t, s, "  established: judge\n")
	if err := l.apply(t, e); err == nil || !strings.Contains(err.Error(), "G301") {
		t.Errorf("applied with: %v", err)
	}
	works(t, session)
	if err := l.do(t, func() error { return e.Apply(Order{AcceptLockout: true}) }); err != nil {
		t.Fatal(err)
	}
	before := droppedBy(t, e, "no-login")
	if _, err := session.Write([]byte("ls\n")); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return droppedBy(t, e, "no-login") > before })
	e.Close()
}

// TestWhoAppliesIsProtectedForATime lets the one who applies the policy come again, over
// the family of the address that was used, and nobody else.
func TestWhoAppliesIsProtectedForATime(t *testing.T) {
	l := newRealLab(t)
	s := newShell(t, l.net)
	session := s.login(t, testnet.IPv4)
	l.writeLogin(t, s, "  protect_applier: 30m\n")
	e := l.open(t)
	if until := status(t, e).ProtectedUntil; until != nil {
		t.Errorf("nobody applied it, and protected is until %v", until)
	}
	if err := l.do(t, func() error { return e.Apply(Order{Operator: []host.Connection{operator(session)}}) }); err != nil {
		t.Fatal(err)
	}
	works(t, session)
	s.login(t, testnet.IPv4)
	s.refused(t, e, testnet.IPv6)
	if until := status(t, e).ProtectedUntil; until == nil || time.Until(*until).Round(time.Minute) != 30*time.Minute {
		t.Errorf("protected until %v", until)
	}
	// The time is over.
	table := e.store.state[compile.MapKept]
	if err := table.Put(compile.PeerKey(l.net.Left.V4), uint64(1)); err != nil {
		t.Fatal(err)
	}
	s.refused(t, e, testnet.IPv4)
	l.do(t, func() error { e.look(time.Now(), true); return nil })
	if until := status(t, e).ProtectedUntil; until != nil {
		t.Errorf("protected until %v", until)
	}
}

// TestFullTableKeepsTheOperator has room for two of four connections. Each of them is the
// operator's in turn, and the table is full of the others then.
func TestFullTableKeepsTheOperator(t *testing.T) {
	l := newLab(t)
	s := newShell(t, l.net)
	l.writeLogin(t, s, "  established: keep\n")
	e := l.open(t)
	var log strings.Builder
	e.logger = logTo(&log)
	small, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 40, ValueSize: 8, MaxEntries: 2})
	if err != nil {
		t.Fatal(err)
	}
	e.store.state[compile.MapKept].Close()
	e.store.state[compile.MapKept] = small
	var all []host.Connection
	for range 2 { // of which both ends are there
		pair, err := testnet.NewTCPPair(l.net.Right, l.net.Right, testnet.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pair.Close)
		all = append(all, operator(pair.Client), operator(pair.Server))
	}
	for _, mine := range all {
		if err := l.do(t, func() error { return e.keep(e.current.policy, []host.Connection{mine}) }); err != nil {
			t.Fatal(err)
		}
		var until uint64
		if err := small.Lookup(compile.ConnectionKey(policy.Connection(mine)), &until); err != nil {
			t.Errorf("the operator's connection is left out: %v", err)
		}
		if got := status(t, e); got.KeptConnections != 2 || got.NotKept != 2 {
			t.Errorf("status %+v", got)
		}
	}
	// Whoever comes next finds it full of those of others.
	e.current.policy.Life.ProtectApplier = time.Hour
	if err := l.do(t, func() error { return e.keep(e.current.policy, all[:1]) }); err != nil {
		t.Fatal(err)
	}
	if got := status(t, e); got.ProtectedUntil == nil || got.KeptConnections != 1 || got.NotKept != 3 {
		t.Errorf("status %+v", got)
	}
	if !strings.Contains(log.String(), "left_out=2") {
		t.Errorf("the log does not tell: %s", log.String())
	}
}
