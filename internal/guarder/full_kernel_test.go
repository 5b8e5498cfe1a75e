//go:build kernel && linux

package guarder

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/testnet"
)

// fewConnections drops the SYNs of sources with more than two connections.
const fewConnections = `version: 1
defaults: {mode: enforce, interfaces: [DEVICE]}
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - rule: too-many
    match: {tcp: {flags: {all: [syn], none: [ack]}}, dst_port: PORT, connections: {above: 2}}
    action: drop
`

// TestNoRoomForConnections has room for one prefix. Its source is limited; another one is not
// counted, and so not limited, until there is room for it.
func TestNoRoomForConnections(t *testing.T) {
	l := newRealLab(t)
	l.config.rehearse, l.config.connections = unrehearsed, 1
	s := newShell(t, l.net)
	text := strings.NewReplacer("DEVICE", l.net.Right.Device, "PORT", fmt.Sprint(s.port)).Replace(fewConnections)
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e := l.open(t)
	var held []net.Conn
	for range 3 {
		held = append(held, s.login(t, testnet.IPv4))
	}
	refused := func(f testnet.Family) bool {
		t.Helper()
		return s.refusedBy(t, e, "too-many", f)
	}
	if !refused(testnet.IPv4) {
		t.Error("a source that is counted has more connections than the rule allows")
	}
	for range 5 {
		s.login(t, testnet.IPv6)
	}
	if is, err := e.current.census.status(); err != nil || is.Uncounted < 5 {
		t.Errorf("%+v, %v; want 5 connections without room", is, err)
	}
	compare := func() {
		t.Helper()
		l.do(t, func() error {
			e.mu.Lock()
			defer e.mu.Unlock()
			if err := e.current.census.compare(); err != nil {
				t.Error(err)
			}
			return nil
		})
	}
	compare()
	if !refused(testnet.IPv4) || refused(testnet.IPv6) {
		t.Error("who is counted changes while there is no room")
	}
	if got := filling(t, e, "connections"); got != (MapStatus{"connections", 2, 1}) {
		t.Errorf("%+v; want two prefixes in a table for one", got)
	}
	for _, c := range held {
		c.Close()
	}
	until(t, func() bool { compare(); return refused(testnet.IPv6) })
	if refused(testnet.IPv4) {
		t.Error("a source is limited that has no connections any more")
	}
}

// filling returns how full a table is.
func filling(t *testing.T, e *Engine, name string) MapStatus {
	t.Helper()
	for _, m := range status(t, e).Maps {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("nothing is said of %s", name)
	return MapStatus{}
}

// TestNoRoomForABan has as many banned as there is room for, by a file that an agent before has
// left. Nobody else is, by an operator or by a rule, until one of them is not any more.
func TestNoRoomForABan(t *testing.T) {
	if testnet.InVM() {
		t.Skip("to write and read that many takes minutes there; nothing in it depends on the kernel, whose map TestThereIsRoomForAllBans fills there, too")
	}
	l, s := newBanLab(t, "enforce")
	clock, err := ban.SystemClock()
	if err != nil {
		t.Fatal(err)
	}
	store, err := ban.Open(filepath.Join(l.config.State, banFolder), clock)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ban.Room {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if _, _, err := store.Add(ban.Request{Prefix: netip.PrefixFrom(a, 32), Terms: ban.Terms{TTL: time.Hour}, Origin: ban.Operator}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Save(true); err != nil {
		t.Fatal(err)
	}
	e := l.open(t)
	if got := filling(t, e, "bans"); got != (MapStatus{"bans", ban.Room, ban.Room}) {
		t.Errorf("%+v; want a full table", got)
	}
	order := BanOrder{Prefix: l.left(), TTL: time.Hour}
	if _, err := e.Ban(order); !errors.Is(err, ban.ErrFull) {
		t.Errorf("a ban without room: %v", err)
	}
	guesser := s.login(t, testnet.IPv4)
	if _, err := guesser.Write([]byte("password")); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return events(t, e)["rule refused"] > 0 })
	if droppedBy(t, e, "guesses") == 0 {
		t.Error("the rule does not drop what it would ban for")
	}
	if n := len(mustBans(t, e)); n != ban.Room || !arrives(t, l.net) {
		t.Errorf("%d are banned, or one for whom there was no room", n)
	}
	if got := events(t, e); got["operator refused"] != 1 || got["rule added"] != 0 {
		t.Errorf("events %v", got)
	}
	if err := e.Unban(netip.MustParsePrefix("10.0.0.9/32")); err != nil {
		t.Fatal(err)
	}
	// The guess is sent again and again, so the rule may be first.
	if _, err := e.Ban(order); err != nil {
		t.Errorf("a ban with room again: %v", err)
	}
	if arrives(t, l.net) {
		t.Error("a datagram of who is banned arrives")
	}
}
