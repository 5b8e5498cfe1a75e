package host

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestSocketsSpareWhatAHostLivesOn judges what a server needs by rules about sockets.
func TestSocketsSpareWhatAHostLivesOn(t *testing.T) {
	for _, c := range []struct {
		name, match string
		want        []NeedKind
	}{
		{"segments without a socket", "{tcp: {flags: {none: [syn]}}, socket: {is: none}}", nil},
		{"answers to nobody", "{tcp: {flags: {all: [syn, ack]}}, socket: {is: [none, listen]}}", nil},
		{"segments out of the window", "{proto: tcp, seq: out-of-window}", nil},
		{"errors about strangers", "{icmp: {class: error, inner: {proto: tcp}}, socket: {of: inner, is: [none, listen]}}", nil},
		{"errors out of the window", "{icmp: {class: error, inner: {proto: tcp, seq: out-of-window}}}", nil},
		{"what is next", "{tcp: {flags: {none: [syn]}}, seq: next}", []NeedKind{NeedOperator, NeedOperator, NeedEstablished}},
		{"quoted segments in the window", "{icmp: {class: error}, seq: {of: inner, is: in-window}}", []NeedKind{NeedTooBig, NeedTooBig}},
		{"new connections", "{proto: tcp, socket: {is: listen}}", []NeedKind{NeedManagement}},
		// A client of DHCP may have no socket.
		{"datagrams without a socket", "{proto: udp, not: {dst_port: [68, 546]}, socket: {is: none}}", nil},
		{"answers that were asked for", "{proto: udp, socket: {is: established}}", []NeedKind{NeedDNS}},
	} {
		p, faults := policy.Parse("p.yaml", fmt.Appendf(nil, `version: 1
groups:
- name: g
  rules:
  - {rule: r, match: %s, action: drop}
`, c.match), policy.Options{})
		if p == nil {
			t.Fatal(faults)
		}
		count := map[NeedKind]int{}
		for _, cut := range Lockout(p, server()) {
			count[cut.Need.Kind]++
		}
		want := map[NeedKind]int{}
		for _, kind := range c.want {
			want[kind]++
		}
		if count[NeedEstablished] > 0 { // however many there are
			count[NeedEstablished] = 1
		}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestUnreadableSocketsAreUnknown: a rule does not cut off what nobody could look up.
func TestUnreadableSocketsAreUnknown(t *testing.T) {
	p, faults := policy.Parse("p.yaml", []byte(`version: 1
groups:
- name: g
  rules:
  - {rule: r, match: {tcp: {flags: {none: [syn]}}, socket: {is: none}}, action: drop}
`), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	f := server()
	f.Sockets = nil
	if cuts := Lockout(p, f); len(cuts) == 0 {
		t.Error("connections of which no socket is known are not cut off")
	}
	f.Unknown = map[Fact]string{TCPSockets: "permission denied"}
	if cuts := Lockout(p, f); len(cuts) != 0 {
		t.Errorf("%v", cuts)
	}
}
