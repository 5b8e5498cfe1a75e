//go:build kernel

package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A host that is not there, so that no kernel resets its connections.
var stranger = netip.MustParseAddr("198.18.1.77")

// Of two MSS options Linux takes the last one, as segmentSize does: the first could
// hide it from a filter.
func TestKernelTakesTheLastMSS(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	var listener *net.TCPListener
	n.Right.Do(t, func() {
		var err error
		if listener, err = net.ListenTCP("tcp4", &net.TCPAddr{}); err != nil {
			t.Fatal(err)
		}
	})
	defer listener.Close()
	f := leftToRight(t, n, testnet.IPv4)
	f.Source, f.Protocol, f.DestinationPort = stranger, TCP, uint16(listener.Addr().(*net.TCPAddr).Port)
	for _, mss := range [][]uint16{{1400, 600}, {600, 1400}, {1400, 600, 0}} {
		f.SourcePort++
		f.Flags, f.Sequence, f.Acknowledgement, f.TCPOptions = 2, 100, 0, nil
		for _, m := range mss {
			f.TCPOptions = binary.BigEndian.AppendUint16(append(f.TCPOptions, 2, 4), m)
		}
		frame := f.Bytes()
		want := Parse(frame).MSS
		if err := wire.Send(frame); err != nil {
			t.Fatal(err)
		}
		answer, err := wire.Receive(func(b []byte) bool {
			p := Parse(b)
			return p.Protocol == TCP && p.Flags == 0x12 && p.DestinationPort == f.SourcePort
		})
		if err != nil {
			t.Fatal(err)
		}
		f.Flags, f.Sequence, f.TCPOptions = 16, 101, nil
		f.Acknowledgement = binary.BigEndian.Uint32(answer[ethernetHeader+ipv4Header+4:]) + 1
		if err := wire.Send(f.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := listener.SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second))); err != nil {
			t.Fatal(err)
		}
		conn, err := listener.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		if got := sendMSS(t, conn); got != want {
			t.Errorf("options %v: Linux sends segments of %d bytes, Parse found %d", mss, got, want)
		}
		conn.Close()
	}
}

func sendMSS(t *testing.T, conn *net.TCPConn) (mss uint16) {
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Error(err)
			return
		}
		mss = uint16(info.Snd_mss)
	}); err != nil {
		t.Fatal(err)
	}
	return mss
}

// Linux acts on the ports of a quoted packet that is too short for them by its own
// header, or that says another version, or that it is a later fragment, which has none; and
// on those in an ICMPv6 error of a type that nobody has defined. So Parse finds them too.
func TestKernelBelievesQuotedPorts(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	for _, c := range []struct {
		name   string
		ip     testnet.Family
		code   Message
		damage func(quoted []byte)
		want   error
	}{
		{"length", testnet.IPv4, Message{Type: 3, Code: 3}, func(b []byte) { binary.BigEndian.PutUint16(b[2:], ipv4Header) }, unix.ECONNREFUSED},
		{"version", testnet.IPv4, Message{Type: 3, Code: 3}, func(b []byte) { b[0] = 0x65 }, unix.ECONNREFUSED},
		{"later fragment", testnet.IPv4, Message{Type: 3, Code: 3}, func(b []byte) { binary.BigEndian.PutUint16(b[6:], 185) }, unix.ECONNREFUSED},
		{"length of IPv6", testnet.IPv6, Message{Type: 1, Code: 4}, func(b []byte) { binary.BigEndian.PutUint16(b[4:], 0) }, unix.ECONNREFUSED},
		{"version of IPv6", testnet.IPv6, Message{Type: 1, Code: 4}, func(b []byte) { b[0] = 0x45 }, unix.ECONNREFUSED},
		{"type 100 of IPv6", testnet.IPv6, Message{Type: 100}, func([]byte) {}, unix.EPROTO},
	} {
		t.Run(c.name, func(t *testing.T) {
			var socket *net.UDPConn
			n.Right.Do(t, func() {
				var err error
				to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.Left.Addr(c.ip), 9))
				if socket, err = net.DialUDP("udp", nil, to); err != nil {
					t.Fatal(err)
				}
			})
			defer socket.Close()
			if c.ip == testnet.IPv6 { // as resolvers do, to hear of all errors
				hearErrors(t, socket)
			}
			f := leftToRight(t, n, c.ip)
			quoted := Frame{Source: f.Destination, Destination: f.Source, Protocol: UDP, DestinationPort: 9}
			quoted.SourcePort = uint16(socket.LocalAddr().(*net.UDPAddr).Port)
			b := quoted.packet()
			c.damage(b)
			f.Protocol, f.ICMP, f.Payload = ICMPv4, &c.code, b
			if c.ip == testnet.IPv6 {
				f.Protocol = ICMPv6
			}
			frame := f.Bytes()
			if err := wire.Send(frame); err != nil {
				t.Fatal(err)
			}
			if err := socket.SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second))); err != nil {
				t.Fatal(err)
			}
			if _, err := socket.Read(make([]byte, 1)); !errors.Is(err, c.want) {
				t.Errorf("Linux did not act on it: %v", err)
			}
			if q := Parse(frame).ICMP.Quoted; q == nil || !q.HasPorts || q.SourcePort != quoted.SourcePort {
				t.Errorf("Parse found %+v", q)
			}
		})
	}
}

func hearErrors(t *testing.T, socket *net.UDPConn) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1) })
	if err != nil {
		t.Fatal(err)
	}
}

// Linux gives a receiver no more of a datagram than the length in its own header says, so
// Parse takes no more for its payload.
func TestKernelCutsDatagrams(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	var socket *net.UDPConn
	n.Right.Do(t, func() {
		var err error
		if socket, err = net.ListenUDP("udp4", &net.UDPAddr{}); err != nil {
			t.Fatal(err)
		}
	})
	defer socket.Close()
	for _, size := range []int{0, 1, 5, 18} {
		f := leftToRight(t, n, testnet.IPv4)
		f.Protocol, f.DestinationPort, f.Payload = UDP, uint16(socket.LocalAddr().(*net.UDPAddr).Port), text
		frame := f.Bytes()
		const udp = ethernetHeader + ipv4Header
		binary.BigEndian.PutUint16(frame[udp+4:], uint16(udpHeader+size))
		binary.BigEndian.PutUint16(frame[udp+6:], 0) // no checksum
		if err := wire.Send(frame); err != nil {
			t.Fatal(err)
		}
		if err := socket.SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second))); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		have, err := socket.Read(got)
		if err != nil {
			t.Fatal(err)
		}
		p := Parse(frame)
		if !bytes.Equal(p.Payload, got[:have]) || int(p.PayloadLength) != have {
			t.Errorf("length %d: Linux gives %q, Parse found %q of %d bytes", size, got[:have], p.Payload, p.PayloadLength)
		}
	}
}

// Linux takes a tag with VLAN identifier 0 off, and acts on what is in the frame.
func TestKernelTakesOffPriorityTags(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	for _, tags := range [][]uint16{{0}, {0, 0}} {
		var socket *net.UDPConn
		n.Right.Do(t, func() {
			var err error
			to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(n.Left.Addr(testnet.IPv4), 9))
			if socket, err = net.DialUDP("udp", nil, to); err != nil {
				t.Fatal(err)
			}
		})
		defer socket.Close()
		f := leftToRight(t, n, testnet.IPv4)
		quoted := Frame{Source: f.Destination, Destination: f.Source, Protocol: UDP, DestinationPort: 9}
		quoted.SourcePort = uint16(socket.LocalAddr().(*net.UDPAddr).Port)
		f.Protocol, f.ICMP, f.Tags = ICMPv4, &Message{Type: 3, Code: 3, Quoted: &quoted}, tags
		if err := wire.Send(f.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := socket.SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second))); err != nil {
			t.Fatal(err)
		}
		if _, err := socket.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("tags %v: Linux did not act on it: %v", tags, err)
		}
	}
}

// Linux answers ARP that says that its hardware is IEEE 802, so Parse reads it too.
func TestKernelBelievesARPOfIEEE802(t *testing.T) {
	n := testnet.New(t)
	wire := n.Left.Wire(t)
	defer n.Right.ResolveNeighbours(t, n.Right.Device)()
	f := leftToRight(t, n, testnet.IPv4)
	ask := &ARP{Operation: 1, SenderMAC: f.SourceMAC, SenderIP: stranger, TargetIP: f.Destination}
	frame := (&Frame{SourceMAC: f.SourceMAC, DestinationMAC: f.DestinationMAC, EtherType: EtherARP, Payload: ieee802(ask)}).Bytes()
	answered(t, wire, [][]byte{frame}, func(p *Packet) bool {
		return p.ARP != nil && p.ARP.Operation == 2 && p.ARP.SenderIP == f.Destination && p.ARP.TargetIP == stranger
	})
	if p := Parse(frame); p.ARP == nil || *p.ARP != *ask {
		t.Errorf("Parse found %+v", p.ARP)
	}
}
