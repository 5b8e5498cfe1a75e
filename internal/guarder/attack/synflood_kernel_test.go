//go:build kernel && linux

package attack

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A floodScene is a server that strangers flood with SYNs while clients want to be served.
type floodScene struct {
	server, client *testnet.Namespace
	wire           *testnet.Wire // of the client's device
	mac            [2][6]byte    // of the client's device and of the server's
	port           uint16
	tag            uint16 // of the VLAN between them, or 0
	sent           uint32 // SYNs of strangers
}

// newFloodScene starts a server whose queue of half-open connections is short, and which has a
// way to the strangers, so that the kernel does answer them.
func newFloodScene(t *testing.T, cookies string, tag uint16) *floodScene {
	t.Helper()
	n := testnet.New(t)
	if tag != 0 {
		n.Left.Tag(t, tag)
		n.Right.Tag(t, tag)
	}
	s := &floodScene{server: n.Left, client: n.Right, port: 80, tag: tag}
	s.server.Set(t, "core/somaxconn", "16")
	s.server.Set(t, "ipv4/tcp_syncookies", cookies)
	s.mac = [2][6]byte{hardware(t, s.client), hardware(t, s.server)}
	s.server.Do(t, func() {
		l, err := netlink.LinkByName(s.server.Device)
		if err != nil {
			t.Fatal(err)
		}
		for dst, gw := range map[string]netip.Addr{"0.0.0.0/0": s.client.V4, "::/0": s.client.V6} {
			_, all, _ := net.ParseCIDR(dst)
			if err := netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: all, Gw: gw.AsSlice()}); err != nil {
				t.Fatal(err)
			}
		}
		s.serve(t)
	})
	s.receiveFromXDP(t)
	s.wire = s.client.Wire(t)
	return s
}

// serve echoes what clients send.
func (s *floodScene) serve(t *testing.T) {
	l, err := net.Listen("tcp", fmt.Sprint(":", s.port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(testnet.Margin(10 * time.Second)))
				io.CopyN(conn, conn, 5)
			}()
		}
	}()
}

// receiveFromXDP has the client's device run a program: without one, and without GRO, a
// veth takes nothing that the other end sends from XDP.
func (s *floodScene) receiveFromXDP(t *testing.T) {
	t.Helper()
	const xdpPass = 2
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, License: "MIT", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, xdpPass), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { prog.Close() })
	s.client.Do(t, func() {
		l, err := netlink.LinkByName(s.client.Device)
		if err != nil {
			t.Fatal(err)
		}
		x, err := link.AttachXDP(link.XDPOptions{Program: prog, Interface: l.Attrs().Index, Flags: link.XDPDriverMode})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Close() })
	})
}

// defend puts a rule in force that answers SYNs from 50 per second on.
func (s *floodScene) defend(t *testing.T, mode string) *guarder.Engine {
	t.Helper()
	file := filepath.Join(t.TempDir(), "syn-flood.yaml")
	vlan := "" // so that it is not about packets without the tag
	if s.tag != 0 {
		vlan = fmt.Sprintf(", vlan: {id: %d}", s.tag)
	}
	text := fmt.Sprintf(`version: 1
defaults: {mode: %s}
groups:
- name: floods
  rules:
  - {rule: syn, match: {proto: tcp, dst_port: 80%s}, action: syncookie, syncookie: {on_above: 50/s, off_below: 20/s}}
`, mode, vlan)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return enforce(t, s.server, file)
}

// flood sends SYNs of strangers, each of another one.
func (s *floodScene) flood(t *testing.T, f testnet.Family, count int) {
	t.Helper()
	for range count {
		s.sent++
		four := [4]byte{100, 64, byte(s.sent >> 8), byte(s.sent)}
		six := [16]byte{0x20, 0x01, 0x0d, 0xb8, 9}
		binary.BigEndian.PutUint32(six[12:], s.sent)
		syn := packet.Frame{
			SourceMAC: s.mac[0], DestinationMAC: s.mac[1], Source: netip.AddrFrom4(four), Destination: s.server.Addr(f),
			Protocol: packet.TCP, SourcePort: uint16(1024 + s.sent), DestinationPort: s.port, Flags: 2, MSS: 1460,
		}
		if f == testnet.IPv6 {
			syn.Source = netip.AddrFrom16(six)
		}
		if err := s.wire.Send(syn.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
}

// served has clients connect, with SYNs of strangers between them, and returns how many of
// them were served before they would have sent their SYN again.
func (s *floodScene) served(t *testing.T, f testnet.Family, clients, strangers int) (n int) {
	t.Helper()
	for range clients {
		s.flood(t, f, strangers)
		if s.ask(t, f) == nil {
			n++
		}
	}
	return n
}

// ask connects, and has the server echo something.
func (s *floodScene) ask(t *testing.T, f testnet.Family) (err error) {
	t.Helper()
	s.client.Do(t, func() {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", netip.AddrPortFrom(s.server.Addr(f), s.port).String(), 900*time.Millisecond); err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second)))
		if _, err = conn.Write([]byte("hello")); err == nil {
			_, err = io.ReadFull(conn, make([]byte, 5))
		}
	})
	return err
}

// asks is how often a client connects at most that must be served: a busy machine may be late.
const asks = 3

// insists asks until it is served.
func (s *floodScene) insists(t *testing.T, f testnet.Family) (err error) {
	t.Helper()
	for range asks {
		if err = s.ask(t, f); err == nil {
			break
		}
	}
	return err
}

// status returns what is known of the rule.
func status(t *testing.T, e *guarder.Engine) guarder.FloodStatus {
	t.Helper()
	s, err := e.Status()
	if err != nil || len(s.Floods) != 1 {
		t.Fatalf("floods %+v, %v", s.Floods, err)
	}
	return s.Floods[0]
}

// TestSYNFlood is entry 14 of the catalogue. A host without SYN cookies serves hardly
// anybody during a flood; one with them and the rule serves everybody, and answers the
// strangers before its kernel sees them. When the flood is over the kernel answers again.
//
// On a VLAN all that the client receives has its tag, so answers have it, too.
func TestSYNFlood(t *testing.T) {
	const clients, strangers = 40, 50
	for _, wire := range []struct {
		name string
		tag  uint16
	}{{"", 0}, {" on a VLAN", 10}} {
		for _, f := range testnet.Families {
			t.Run(f.String()+wire.name, func(t *testing.T) {
				bare := newFloodScene(t, "0", wire.tag)
				if err := bare.insists(t, f); err != nil {
					t.Fatalf("before the flood: %v", err)
				}
				bare.flood(t, f, 200)
				if n := bare.served(t, f, 5, strangers); n > 1 {
					t.Errorf("without cookies %d of 5 clients are served: it is no flood", n)
				}

				s := newFloodScene(t, "1", wire.tag)
				e := s.defend(t, "enforce")
				if err := s.insists(t, f); err != nil {
					t.Fatalf("before the flood: %v", err)
				}
				if now := status(t, e); now.Active || now.Sent != 0 {
					t.Fatalf("before the flood: %+v", now)
				}
				s.flood(t, f, 200)
				before := status(t, e)
				if n := s.served(t, f, clients, strangers); n < clients*95/100 {
					t.Errorf("%d of %d clients were served", n, clients)
				}
				after := status(t, e)
				if !after.Active || after.Valid-before.Valid < clients*95/100 {
					t.Errorf("after the flood: %+v, before %+v; want it active, and the cookies of the clients valid", after, before)
				}
				// Those that the queue has room for are the kernel's.
				if sent, left := after.Sent-before.Sent, after.Left-before.Left; sent+left < clients*strangers || left > sent/2 {
					t.Errorf("%d SYNs were answered and %d left, of %d", sent, left, clients*(strangers+1))
				}
				s.calms(t, f, e)
			})
		}
	}
}

// calms waits for the end of the flood, and for the kernel to serve clients itself.
func (s *floodScene) calms(t *testing.T, f testnet.Family, e *guarder.Engine) {
	t.Helper()
	for deadline := time.Now().Add(testnet.Margin(20 * time.Second)); status(t, e).Active; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the flood does not end")
		}
	}
	before := status(t, e)
	s.ask(t, f) // while the queue is full, its kernel answers with cookies of its own
	if after := status(t, e); after.Active || after.Sent != before.Sent {
		t.Errorf("after the flood: %+v, before %+v; want nothing answered", after, before)
	}
}

// TestAuditedFloodIsTheKernels: what is audited answers and drops nothing, and says what it would.
func TestAuditedFloodIsTheKernels(t *testing.T) {
	s := newFloodScene(t, "1", 0)
	e := s.defend(t, "audit")
	s.flood(t, testnet.IPv4, 200)
	if err := s.insists(t, testnet.IPv4); err != nil {
		t.Errorf("a client of the kernel: %v", err)
	}
	all, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	if f := all.Floods[0]; !f.Active || f.Sent != 0 || all.Verdicts["drop"].Packets != 0 {
		t.Errorf("%+v, verdicts %+v", f, all.Verdicts)
	}
	if n := all.Rules[0].Counts["would_drop"].Packets; n < 100 || n > 200+asks {
		t.Errorf("%d SYNs would have been answered, of 201, or %d at most", n, 200+asks)
	}
}
