//go:build linux

package testnet

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Ping sends count ICMP or ICMPv6 echo requests from src to dst, each after the
// reply to the one before. The load is count requests and count replies.
//
// The kernel of dst answers, so dst sees no socket. The raw socket of src is
// written count times and read at least count times.
func Ping(src, dst *Namespace, f Family, count int) error {
	conn, err := listenICMP(src, f)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := range count {
		if err := echo(conn, dst, f, i); err != nil {
			return fmt.Errorf("ping %d of %d: %w", i+1, count, err)
		}
	}
	return nil
}

func listenICMP(ns *Namespace, f Family) (conn *net.IPConn, err error) {
	network := "ip4:icmp"
	if f == IPv6 {
		network = "ip6:ipv6-icmp"
	}
	err = ns.do(func() error {
		conn, err = net.ListenIP(network, &net.IPAddr{IP: ns.Addr(f).AsSlice()})
		return err
	})
	return conn, err
}

// echo sends one request and waits for its reply. Other messages that the
// socket receives are passed over.
func echo(conn *net.IPConn, dst *Namespace, f Family, seq int) error {
	message := icmp.Message{
		Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: seq & 0xffff, Data: []byte("packetscope")},
	}
	var reply icmp.Message
	reply.Body = message.Body
	protocol := 1
	if f == IPv4 {
		message.Type, reply.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	} else {
		message.Type, reply.Type = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
		protocol = 58
	}
	request, err := message.Marshal(nil)
	if err != nil {
		return err
	}
	want, err := reply.Marshal(nil)
	if err != nil {
		return err
	}
	if _, err := conn.WriteTo(request, &net.IPAddr{IP: dst.Addr(f).AsSlice()}); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience())); err != nil {
		return err
	}
	buffer := make([]byte, 512)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if isReply(buffer[:n], want, protocol) {
			return nil
		}
	}
}

// isReply compares messages without their checksum, which for ICMPv6 depends on
// the addresses.
func isReply(got, want []byte, protocol int) bool {
	m, err := icmp.ParseMessage(protocol, got)
	if err != nil || len(got) != len(want) {
		return false
	}
	_, isEcho := m.Body.(*icmp.Echo)
	return isEcho && got[0] == want[0] && bytes.Equal(got[4:], want[4:])
}
