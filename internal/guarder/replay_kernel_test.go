//go:build kernel && linux

package guarder

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

const rehearsedPolicy = `version: 1
unparsable: {action: drop, mode: audit}
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - {rule: all, match: {any_packet: true}, action: count}
  - {rule: outside, match: {proto: tcp, dst_port: 23}, action: drop, mode: enforce, interfaces: eth0}
  - {rule: inside, match: {proto: tcp}, action: drop, mode: audit, interfaces: "eth*"}
  - {rule: own, match: {dst: local}, action: pass, mode: enforce}
`

// TestRehearsalJudgesAsOnADevice asks about packets of devices that this host has not
// got. The kernel gets a program for each of them, so that there are few in an emulated
// machine.
func TestRehearsalJudgesAsOnADevice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(rehearsedPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	p, faults := policy.Load([]string{file}, policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	own := netip.MustParseAddr(toV4)
	r, err := NewRehearsal(p, []netip.Addr{own}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	env := &policy.Env{Sets: p.Sets, Bindings: p.Bindings, Own: func(a netip.Addr) bool { return a == own }}
	devices := []string{"", "eth0", "eth1", "wlan0", "eth0"}
	if testnet.InVM() {
		devices = []string{"", "eth0", "eth1", "eth0"}
	}
	seen := make(map[string]bool)
	for _, frame := range [][]byte{frame(false, tcp(23)).Bytes(), frame(false, tcp(80)).Bytes(), frame(true, tcp(23)).Bytes(), frame(false, udp(53)).Bytes(), frame(false, udp(53)).Bytes()[:30]} {
		for _, env.Interface = range devices {
			got, err := r.Judge(env.Interface, frame, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			parsed := packet.Parse(frame)
			if diff := cmp.Diff(p.Judge(&parsed, env), got); diff != "" {
				t.Errorf("on %q (-want +got):\n%s", env.Interface, diff)
			}
			seen[fmt.Sprintf("%+v", got)] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d different judgements were made", len(seen))
	}
	for want, size := range map[error]int{ErrShortFrame: 13, ErrLongFrame: 4000, nil: os.Getpagesize() - 576} {
		if _, err := r.Judge("", make([]byte, size), time.Time{}); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
	if testnet.InVM() {
		return
	}
	for i := range mostRehearsed {
		_, err = r.Judge(fmt.Sprint("dev", i), frame(false, tcp(23)).Bytes(), time.Time{})
	}
	if err == nil {
		t.Error("there is no end to devices")
	}
}

// TestRehearsalKnowsFeeds asks about packets from sources that feeds list.
func TestRehearsalKnowsFeeds(t *testing.T) {
	p := &policy.Policy{Feeds: []policy.Feed{
		{Name: "counts", Action: policy.Count, Mode: policy.Enforce}, {Name: "audits", Action: policy.Drop, Mode: policy.Audit},
		{Name: "drops", Action: policy.Drop, Mode: policy.Enforce},
	}}
	source := frame(false, udp(53)).Source
	rows := []feed.Row{{Prefix: netip.PrefixFrom(source, 32), Feeds: 7}}
	for _, rows[0].Feeds = range []uint32{1, 2, 3, 4, 7} {
		r, err := NewRehearsal(p, nil, rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		env := &policy.Env{Feeds: compile.Listing(rows)}
		for range 2 { // what is counted goes on
			got, err := r.Judge("", frame(false, udp(53)).Bytes(), time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			parsed := packet.Parse(frame(false, udp(53)).Bytes())
			if diff := cmp.Diff(p.Judge(&parsed, env), got); diff != "" {
				t.Errorf("listed by %#b (-want +got):\n%s", rows[0].Feeds, diff)
			}
		}
		other, err := r.Judge("", frame(true, udp(53)).Bytes(), time.Time{})
		if want := (policy.Judgement{By: policy.None, WouldDrop: policy.None, Kept: policy.None}); err != nil || !cmp.Equal(other, want) {
			t.Errorf("a source that is not listed is judged %+v, %v", other, err)
		}
	}
}
