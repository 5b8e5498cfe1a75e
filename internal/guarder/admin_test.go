package guarder

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/host"
)

// agent records what it was told.
type agent struct {
	told     []string
	order    Order
	status   Status
	hits     []Hit
	samples  []Sample
	err      error
	unlocked Unlocking
}

func (a *agent) Status() (Status, error) { return a.status, a.err }
func (a *agent) Top(sources int) (Top, error) {
	a.tell(fmt.Sprint("top ", sources))
	return Top{Status: a.status, Sources: []SourceStatus{{Source: "192.0.2.7", Rule: "r"}}, Samples: a.samples}, a.err
}
func (a *agent) Hits() (HitList, error) {
	a.tell("hits")
	return HitList{Hits: a.hits}, a.err
}
func (a *agent) Alerts() (AlertList, error) {
	return AlertList{InForce: InForcePolicy, Rules: a.status.Rules}, a.err
}
func (a *agent) Apply(o Order) error { a.order = o; return a.tell("apply") }
func (a *agent) Bans() (BanList, error) {
	return BanList{Bans: []BanStatus{{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Origin: "operator"}}}, a.tell("bans")
}
func (a *agent) Ban(o BanOrder) (BanStatus, error) {
	return BanStatus{Prefix: o.Prefix, Reason: o.Reason, Left: o.TTL.Seconds()}, a.tell("ban")
}
func (a *agent) Unban(p netip.Prefix) error { return a.tell("unban " + p.String()) }
func (a *agent) Confirm() error             { return a.tell("confirm") }
func (a *agent) Rollback() error            { return a.tell("rollback") }
func (a *agent) Detach() error              { return a.tell("detach") }
func (a *agent) Unlock(u Unlocking) error {
	a.unlocked = u
	return a.tell("unlock")
}

func (a *agent) tell(what string) error {
	a.told = append(a.told, what)
	return a.err
}

// serve runs the admin socket of an agent and returns a client of it.
func serve(t testing.TB, a *agent) Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "guard.sock")
	l, err := ListenAdmin(path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: AdminHandler(a)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return Client{path}
}

func TestClientReachesTheAgent(t *testing.T) {
	by := time.Unix(1000, 0).UTC()
	a := &agent{status: Status{
		Generation: 7, Applied: time.Unix(900, 0).UTC(), Files: []string{"a.yaml"}, Ceiling: "audit", ConfirmBy: &by,
		Devices:    []DeviceStatus{{Name: "eth0", Hook: Native}},
		Rules:      []RuleStatus{{Group: "g", Rule: "r", Counts: map[string]Counts{"drop": {3, 180}}}},
		Unparsable: map[string]Counts{"truncated": {1, 20}},
		Sockets:    map[string]Counts{"unknown": {2, 120}},
	}}
	c := serve(t, a)
	got, err := c.Status()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.status, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	order := Order{Operator: []host.Connection{{
		Local: netip.MustParseAddrPort("192.0.2.10:22"), Remote: netip.MustParseAddrPort("[2001:db8::7]:50000"),
	}}}
	apply := func() error { return c.Apply(order) }
	top, err := c.Top(7)
	if err != nil || len(top.Sources) != 1 || top.Sources[0].Source != "192.0.2.7" || top.Status.Generation != 7 {
		t.Errorf("top %+v, %v", top, err)
	}
	unlocking := Unlocking{Set: "gateways", IP: netip.MustParseAddr("192.0.2.254")}
	unlock := func() error { return c.Unlock(unlocking) }
	for _, do := range []func() error{apply, c.Confirm, c.Rollback, unlock, c.Detach} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	prefix := netip.MustParsePrefix("192.0.2.7/32")
	if list, err := c.Bans(); err != nil || len(list.Bans) != 1 || list.Bans[0].Prefix != prefix {
		t.Errorf("bans %+v, %v", list, err)
	}
	if b, err := c.Ban(BanOrder{Prefix: prefix, TTL: time.Hour, Reason: "enough"}); err != nil || b.Prefix != prefix || b.Left != 3600 || b.Reason != "enough" {
		t.Errorf("banned %+v, %v", b, err)
	}
	if err := c.Unban(prefix); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"top 7", "apply", "confirm", "rollback", "unlock", "detach", "bans", "ban", "unban 192.0.2.7/32"}, a.told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a.unlocked != unlocking {
		t.Errorf("unlocked %+v, want %+v", a.unlocked, unlocking)
	}
	if diff := cmp.Diff(order, a.order, cmpopts.EquateComparable(host.Connection{})); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	a.err = errors.New("x.yaml:3:1: error[G124]: empty match")
	if err := apply(); err == nil || err.Error() != a.err.Error() {
		t.Errorf("the agent's error arrives as %v", err)
	}
}

func TestSocketIsOfItsOwnerAlone(t *testing.T) {
	c := serve(t, &agent{})
	info, err := os.Stat(c.Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := ListenAdmin(c.Socket); err == nil || !strings.Contains(err.Error(), "another agent runs") {
		t.Errorf("a second agent: %v", err)
	}
}

// TestStatusSocketIsForAllAndChangesNothing asks what anybody may ask.
func TestStatusSocketIsForAllAndChangesNothing(t *testing.T) {
	a := &agent{status: Status{Generation: 7}}
	path := filepath.Join(t.TempDir(), "status.sock")
	l, err := ListenStatus(path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: StatusHandler(a)}
	go server.Serve(l)
	defer server.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	c := Client{path}
	if s, err := c.Status(); err != nil || s.Generation != 7 {
		t.Errorf("status %+v, %v", s, err)
	}
	if list, err := c.Alerts(); err != nil || list.InForce != InForcePolicy {
		t.Errorf("alerts %+v, %v", list, err)
	}
	if list, err := c.Samples(); !errors.Is(err, ErrNotTold) || a.told != nil {
		t.Errorf("anybody sees packets: %+v, %v", list, err)
	}
	if top, err := c.Top(0); !errors.Is(err, ErrNotTold) || a.told != nil {
		t.Errorf("anybody learns sources: %+v, %v", top, err)
	}
	if hits, err := c.Hits(); !errors.Is(err, ErrNotTold) || a.told != nil {
		t.Errorf("anybody learns sources: %+v, %v", hits, err)
	}
	ban := func() error { _, err := c.Ban(BanOrder{}); return err }
	unban := func() error { return c.Unban(netip.Prefix{}) }
	bans := func() error { _, err := c.Bans(); return err }
	for _, do := range []func() error{func() error { return c.Apply(Order{}) }, c.Confirm, c.Rollback, c.Detach, ban, unban, bans} {
		if err := do(); err == nil || a.told != nil {
			t.Errorf("the agent was told to %v, %v", a.told, err)
		}
	}
}

// TestHitsAreToldWhereTheyMayBe asks on the admin socket, and on one that tells hits and
// changes nothing.
func TestHitsAreToldWhereTheyMayBe(t *testing.T) {
	want := []Hit{
		{netip.MustParseAddr("192.0.2.7"), 3, "drop", 1 << 60, 123456789, 987654321},
		{netip.MustParseAddr("2001:db8:1:2::"), 0, "would_drop", 64, 1, 3},
		{netip.Addr{}, 1, "count", 1, 2, 2},
	}
	a := &agent{hits: want, samples: []Sample{{Rule: "r", Frame: make([]byte, 100), Length: 1000}, {Frame: make([]byte, 20)}}}
	path := filepath.Join(t.TempDir(), "status.sock")
	l, err := ListenStatus(path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: HitsHandler(a)}
	go server.Serve(l)
	defer server.Close()
	for what, c := range map[string]Client{"admin socket": serve(t, a), "socket for all": {path}} {
		got, err := c.Hits()
		if diff := cmp.Diff(HitList{Hits: want}, got, cmpopts.EquateComparable(netip.Addr{})); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
		}
		list, err := c.Samples()
		if err != nil || len(list.Samples) != 2 || len(list.Samples[0].Frame) != 64 || list.Samples[0].Length != 1000 || len(list.Samples[1].Frame) != 20 {
			t.Errorf("%s: samples %+v, %v", what, list, err)
		}
	}
	a.told = nil
	c := Client{path}
	if _, err := c.Top(0); !errors.Is(err, ErrNotTold) {
		t.Errorf("top: %v", err)
	}
	for _, do := range []func() error{func() error { return c.Apply(Order{}) }, c.Confirm, c.Rollback, c.Detach} {
		if err := do(); err == nil || a.told != nil {
			t.Errorf("the agent was told to %v, %v", a.told, err)
		}
	}
}

func TestSocketOfADeadAgentIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guard.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if l, err = ListenAdmin(path); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("nothing is left of an agent that has ended: %v", err)
	}
}

// TestOnlySocketsAreReplaced names what is none, as somebody does who mistypes an option.
func TestOnlySocketsAreReplaced(t *testing.T) {
	folder := t.TempDir()
	file, empty, link := filepath.Join(folder, "policy.yaml"), filepath.Join(folder, "empty"), filepath.Join(folder, "link")
	if err := errors.Join(os.WriteFile(file, []byte("version: 1\n"), 0o600), os.Mkdir(empty, 0o700), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, empty, link} {
		if _, err := ListenAdmin(path); err == nil || !strings.Contains(err.Error(), path+" is no socket") {
			t.Errorf("%s: %v", path, err)
		}
		if err := RemoveSocket(path); err == nil {
			t.Errorf("%s is removed", path)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := RemoveSocket(filepath.Join(folder, "none")); err != nil {
		t.Error(err)
	}
}

func TestNoAgentIsOneClearLine(t *testing.T) {
	_, err := Client{filepath.Join(t.TempDir(), "none.sock")}.Status()
	if !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), "none.sock") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

// TestAgentThatDoesNotAnswerIsThere dies, or hangs, when it has been asked: nobody may take
// that for a host without an agent.
func TestAgentThatDoesNotAnswerIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guard.sock")
	l, err := ListenAdmin(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	if err := (Client{path}).Detach(); err == nil || errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), path+" gave no answer") {
		t.Errorf("detach: %v", err)
	}
}
