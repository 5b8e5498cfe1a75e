//go:build kernel && linux

package attack

import (
	"maps"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// VLANs of a switch: that of the port of a sender, and that of the victim.
const native, beyond = 1, 20

// A hop is a switch with a sender at an access port, and a victim in another VLAN.
type hop struct {
	sender, carrier, victim *testnet.Namespace
	wire                    *testnet.Wire
	mac                     map[*testnet.Namespace][6]byte
	open                    map[*testnet.Namespace]*net.UDPConn // of the switch and of the victim
}

func newHop(t *testing.T) *hop {
	t.Helper()
	n := testnet.NewRouted(t)
	h := &hop{sender: n.Left, carrier: n.Router, victim: n.Right, mac: map[*testnet.Namespace][6]byte{}, open: map[*testnet.Namespace]*net.UDPConn{}}
	// It does not route between the VLANs: there is no way but that of the tags.
	for _, f := range []string{"ipv4", "ipv6"} {
		h.carrier.Set(t, f+"/conf/all/forwarding", "0")
	}
	h.carrier.Untag(t, native, beyond, "router1")
	for _, ns := range []*testnet.Namespace{h.sender, h.carrier, h.victim} {
		h.mac[ns] = hardware(t, ns)
	}
	for _, ns := range []*testnet.Namespace{h.carrier, h.victim} {
		ns.Do(t, func() {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ns.V4.AsSlice(), Port: echoPort})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			h.open[ns] = conn
		})
	}
	h.wire = h.sender.Wire(t)
	return h
}

// send sends a datagram with tags, and tells whether it arrives before one without, which the
// switch is sent behind it.
func (h *hop) send(t *testing.T, to *testnet.Namespace, tags ...uint16) bool {
	t.Helper()
	const text, fence = "hop", "fence"
	datagram := func(to *testnet.Namespace, text string, tags ...uint16) {
		f := packet.Frame{
			SourceMAC: h.mac[h.sender], DestinationMAC: h.mac[to], Tags: tags, Source: h.sender.V4, Destination: to.V4,
			Protocol: packet.UDP, SourcePort: 4000, DestinationPort: echoPort, Payload: []byte(text),
		}
		if err := h.wire.Send(f.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	datagram(to, text, tags...)
	datagram(h.carrier, fence)
	arrives := false
	for h.read(t, h.carrier, 5*time.Second) != fence {
		arrives = true
	}
	if to == h.victim {
		// The switch has sent it on by then, if it does, but the victim may be behind.
		arrives = h.read(t, h.victim, 300*time.Millisecond) == text
	}
	return arrives
}

// read returns the next datagram, or "" if none comes in a time.
func (h *hop) read(t *testing.T, ns *testnet.Namespace, within time.Duration) string {
	t.Helper()
	b := make([]byte, 64)
	h.open[ns].SetReadDeadline(time.Now().Add(testnet.Margin(within)))
	n, err := h.open[ns].Read(b)
	if err != nil && ns == h.carrier {
		t.Fatalf("wait for the datagram behind: %v", err)
	}
	return string(b[:n])
}

// TestVLANHopping is entry 36 of the catalogue: a datagram with two tags reaches a VLAN that
// its sender is not in. Behind lan.yaml as it comes, at the port of the sender, it is told,
// and enforced it does not. Datagrams with the tag of the port, or without, arrive in all
// cases, and those with the tag of the other VLAN alone in none.
func TestVLANHopping(t *testing.T) {
	for _, mode := range []string{"bare", "audit", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			h := newHop(t)
			var engine *guarder.Engine
			if shield := inMode("lan.yaml", mode, &engine); shield != nil {
				shield(t, h.carrier)
			}
			if got, want := h.send(t, h.victim, native, beyond), mode != "enforce"; got != want {
				t.Errorf("a datagram with two tags reaches the other VLAN: %v, want %v", got, want)
			}
			if h.send(t, h.victim, beyond) || h.send(t, h.victim) {
				t.Error("a datagram with less than two tags reaches the other VLAN")
			}
			if !h.send(t, h.carrier, native) || !h.send(t, h.carrier) {
				t.Error("a datagram of the sender's own VLAN does not arrive")
			}
			got := credits(t, engine)
			maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
			want := map[string]uint64{}
			if credit := map[string]string{"audit": "would_drop", "enforce": "drop"}[mode]; credit != "" {
				want["double-tag "+credit] = 1
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("packets by what rules did (-want +got):\n%s", diff)
			}
		})
	}
}
