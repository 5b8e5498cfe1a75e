//go:build kernel && linux

package attack

import (
	"net"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// loved is an open port of the victim.
const loved = 7000

// heavy is the rule of floods.yaml with a smaller number, for one port.
const heavy = `version: 1
defaults: {mode: MODE}
groups:
- name: floods
  stage: policy
  priority: 1
  rules:
  - rule: udp-heavy-hitters
    match: {proto: udp, dst: local, dst_port: 7000, socket: {is: listen}}
    limit: {per: heavy-hitter, levels: [flow, src, src/24, src/16], rate: 20/s}
    action: drop
`

// TestUDPFloodIsLimited floods an open port from one source, which goes through to the bare
// victim and behind the audited rule, and is cut down by the enforced one. Another source is heard.
func TestUDPFloodIsLimited(t *testing.T) {
	const sent, atOnce = 2000, 10
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, fileInMode(heavy, mode, &engine))
			var socket *net.UDPConn
			s.victim.Do(t, func() {
				var err error
				if socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: s.victim.V4.AsSlice(), Port: loved}); err != nil {
					t.Fatal(err)
				}
			})
			defer socket.Close()
			datagram := packet.Frame{
				Source: stranger, Destination: s.victim.V4, Protocol: packet.UDP, SourcePort: 4000, DestinationPort: loved, Payload: []byte("x"),
			}
			arrived := 0
			for range sent / atOnce {
				for range atOnce - 1 {
					if err := s.wire.Send(s.addressed(datagram).Bytes()); err != nil {
						t.Fatal(err)
					}
				}
				s.inject(t, datagram)
				for waits(socket) {
					arrived++
				}
			}
			credit := credits(t, engine)
			t.Logf("at first %d of %d datagrams arrived, credits %v", arrived, sent, credit)
			told := credit["udp-heavy-hitters drop"]
			if mode == "audit" {
				told = credit["udp-heavy-hitters would_drop"]
			}
			if mode != "bare" && told < sent/2 {
				t.Errorf("%d of %d datagrams are told", told, sent)
			}
			want := sent
			if mode == "enforce" {
				want -= int(told)
			}
			// The last may be in the hands of another processor than the one that was waited for.
			for mode != "enforce" && arrived < want && reads(socket, testnet.Margin(5*time.Second)) {
				arrived++
			}
			if arrived > want || mode != "enforce" && arrived < want {
				t.Errorf("%d datagrams arrived, want %d", arrived, want)
			}
			datagram.Source = s.peer.V4
			s.inject(t, datagram)
			if !reads(socket, testnet.Margin(5*time.Second)) {
				t.Error("another source is not heard")
			}
		})
	}
}

// waits tells whether a datagram lies in a socket, and takes it out.
func waits(conn *net.UDPConn) bool {
	_, err := testnet.ReadNow(conn, make([]byte, 16))
	return err == nil
}
