//go:build kernel && linux

package attack

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// flood sends many packets to the victim, as fast as it handles them, and returns how many
// it answers to the peer, and for how long they came.
func (c *call) flood(t *testing.T, packets int, of func(n int) packet.Frame, answer func(p *packet.Packet) bool) (answers int, took time.Duration) {
	t.Helper()
	const atOnce = 10 // with the answers, less than the queues of the wire and of devices hold
	c.leaving(t, func(*packet.Packet) {})
	begin := time.Now()
	for n := range packets {
		if n%atOnce == atOnce-1 {
			c.inject(t, of(n))
			c.leaving(t, func(p *packet.Packet) {
				if answer(p) {
					answers++
				}
			})
		} else if err := c.wire.Send(c.addressed(of(n)).Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return answers, time.Since(begin)
}

// within fails unless so many packets are what a limit lets through in a time.
func within(t *testing.T, what string, got, burst, perSecond int, took time.Duration) {
	t.Helper()
	if most := burst + 1 + int(float64(perSecond)*took.Seconds()); got < burst || got > most {
		t.Errorf("%d packets of %s came through in %v, want %d to %d", got, what, took, burst, most)
	}
}

// TestFloodsAreLimited has the victim answer floods of pings and of SYNs without
// Guarder, and with floods.yaml, enforced, only as many as it says. Who sends few is
// answered all the while.
func TestFloodsAreLimited(t *testing.T) {
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("floods.yaml", mode, &engine))
			s.victim.Set(t, "ipv4/tcp_synack_retries", "0") // each answer is sent once, however long it takes
			c := s.call(t, testnet.IPv4)
			bad := c.remote.Addr().Next() // the peer's neighbour, or who says so
			limited := func(rule, what string, sent, answers, burst, perSecond int, took time.Duration) {
				t.Helper()
				all := credits(t, engine)
				switch mode {
				case "bare":
					if answers != sent {
						t.Errorf("%d of %d packets of %s are answered; the test tests nothing", answers, sent, what)
					}
				case "audit":
					if answers != sent {
						t.Errorf("audited, %d of %d packets of %s are answered", answers, sent, what)
					}
					within(t, what, sent-int(all[rule+" would_drop"]), burst, perSecond, took)
				case "enforce":
					within(t, what, sent-int(all[rule+" drop"]), burst, perSecond, took)
					if answers > sent-int(all[rule+" drop"]) {
						t.Errorf("%d packets of %s are answered, and %d of %d dropped", answers, what, all[rule+" drop"], sent)
					}
				}
			}

			echo := func(int) packet.Frame {
				return packet.Frame{Source: bad, Destination: c.local.Addr(), Protocol: packet.ICMPv4, ICMP: &packet.Message{Type: 8}}
			}
			const pings = 1000
			answers, took := c.flood(t, pings, echo, func(p *packet.Packet) bool { return p.ICMP != nil && p.ICMP.Type == echoReply && p.Destination == bad })
			limited("echo-between-two", "ping", pings, answers, 100, 50, took)
			few, _ := c.flood(t, 50, func(n int) packet.Frame {
				f := echo(n)
				f.Source = c.remote.Addr()
				return f
			}, func(p *packet.Packet) bool {
				return p.ICMP != nil && p.ICMP.Type == echoReply && p.Destination == c.remote.Addr()
			})
			if few != 50 {
				t.Errorf("only %d of 50 pings of the peer are answered", few)
			}

			const syns = 3000
			answers, took = c.flood(t, syns, func(n int) packet.Frame {
				f := c.to(packet.TCP, uint16(10_000+n), c.local.Port(), syn, 0)
				f.Source = bad
				return f
			}, func(p *packet.Packet) bool {
				return p.Protocol == packet.TCP && p.Flags == syn|ack && p.Destination == bad
			})
			limited("syn-from-one-source", "a SYN flood", syns, answers, 1000, 200, took)
			c.talks(t)
			c.callsAgain(t)
		})
	}
}

// callsAgain has the peer open another connection to the victim's socket.
func (c *call) callsAgain(t *testing.T) {
	t.Helper()
	c.peer.Do(t, func() {
		d := net.Dialer{Timeout: testnet.Margin(5 * time.Second)}
		conn, err := d.Dial("tcp", c.local.String())
		if err != nil {
			t.Errorf("the peer cannot call: %v", err)
			return
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "again"); err != nil {
			t.Error(err)
		}
	})
}
