//go:build kernel && linux

package attack

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// nothingElse drops everything but what a network cannot do without.
const nothingElse = `version: 1
defaults: {mode: enforce}
failsafe:
  allow:
  - {name: arp, ethertype: arp}
  - {name: nd-and-mld, proto: icmpv6, icmp: {class: [nd, mld]}}
  - {name: dhcp, proto: udp, dst_port: [68, 546]}
  - {name: ptb, icmp: {class: packet-too-big}}
  - {name: ssh, proto: tcp, dst_port: 22, src: [192.0.2.0/24]}
groups:
- name: last
  stage: policy
  rules:
  - {rule: everything-else, match: {any_packet: true}, action: drop}
`

// TestNetworkLivesBehindDropEverythingElse: both ends find each other's hardware
// addresses and a DHCP server's answers arrive, while nothing else does.
func TestNetworkLivesBehindDropEverythingElse(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(nothingElse), 0o600); err != nil {
		t.Fatal(err)
	}
	n := testnet.New(t)
	server, client := n.Left, n.Right
	for _, ns := range []*testnet.Namespace{server, client} {
		resolve(t, ns)
	}
	engine := enforce(t, client, policy)

	answers := map[testnet.Family]*net.UDPConn{testnet.IPv4: bound(t, client, testnet.IPv4, 68), testnet.IPv6: bound(t, client, testnet.IPv6, 546)}
	for _, f := range testnet.Families {
		// The client's address has to be asked for first, and the asking has to arrive.
		send(t, server, client.Addr(f), answers[f].LocalAddr().(*net.UDPAddr).Port)
		if !reads(answers[f], testnet.Margin(5*time.Second)) {
			t.Errorf("over %v the answer of a DHCP server does not arrive", f)
		}
		// The other way the client asks, and the answer has to arrive.
		other := bound(t, server, f, 4444)
		send(t, client, server.Addr(f), 4444)
		if !reads(other, testnet.Margin(5*time.Second)) {
			t.Errorf("over %v the client does not find the hardware address of its neighbour", f)
		}
		mute := bound(t, client, f, 4444)
		send(t, server, client.Addr(f), 4444)
		send(t, server, client.Addr(f), answers[f].LocalAddr().(*net.UDPAddr).Port) // behind it
		if !reads(answers[f], testnet.Margin(5*time.Second)) {
			t.Errorf("over %v a second answer does not arrive", f)
		}
		if reads(mute, testnet.Margin(5*time.Millisecond)) {
			t.Errorf("over %v a datagram to another port arrives", f)
		}
	}
	status, err := engine.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range status.Rules {
		idle := r.Rule == "ptb" || r.Rule == "ssh"
		if (len(r.Counts) == 0) != idle {
			t.Errorf("%s/%s: counted %v", r.Group, r.Rule, r.Counts)
		}
	}
}

// resolve makes a namespace find its neighbours' hardware addresses by itself.
func resolve(t *testing.T, ns *testnet.Namespace) {
	t.Helper()
	ns.ResolveNeighbours(t, ns.Device)
	ns.Do(t, func() {
		l, err := netlink.LinkByName(ns.Device)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetMulticastOn(l); err != nil {
			t.Fatal(err)
		}
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			known, err := netlink.NeighList(l.Attrs().Index, family)
			if err != nil {
				t.Fatal(err)
			}
			for _, neighbour := range known {
				if err := netlink.NeighDel(&neighbour); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func bound(t *testing.T, ns *testnet.Namespace, f testnet.Family, port int) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	ns.Do(t, func() {
		var err error
		if conn, err = net.ListenUDP("udp", &net.UDPAddr{IP: ns.Addr(f).AsSlice(), Port: port}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, from *testnet.Namespace, to netip.Addr, port int) {
	t.Helper()
	from.Do(t, func() {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, uint16(port))))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	})
}

// reads tells whether a datagram arrives in time.
func reads(conn *net.UDPConn, within time.Duration) bool {
	conn.SetReadDeadline(time.Now().Add(within))
	_, err := conn.Read(make([]byte, 16))
	return err == nil
}
