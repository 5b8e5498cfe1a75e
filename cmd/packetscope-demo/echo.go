//go:build linux

package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// echo sends an echo request with some bytes of data, and returns when it was
// answered. It needs CAP_NET_RAW.
func echo(peer netip.Addr, sequence, size int) error {
	network, protocol := "ip4:icmp", unix.IPPROTO_ICMP
	request := icmp.Message{Type: ipv4.ICMPTypeEcho}
	if peer.Is6() {
		network, protocol = "ip6:ipv6-icmp", unix.IPPROTO_ICMPV6
		request.Type = ipv6.ICMPTypeEchoRequest
	}
	// The size tells this echo from others of the same process.
	body := &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: sequence & 0xffff, Data: make([]byte, size)}
	request.Body = body
	data, err := request.Marshal(nil) // the kernel adds the checksum of ICMPv6
	if err != nil {
		return err
	}
	conn, err := net.ListenIP(network, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.WriteTo(data, &net.IPAddr{IP: peer.AsSlice()}); err != nil {
		return err
	}
	answer := make([]byte, size+64)
	for {
		n, _, err := conn.ReadFrom(answer)
		if err != nil {
			return fmt.Errorf("await the echo of %s: %w", peer, err)
		}
		message, err := icmp.ParseMessage(protocol, answer[:n])
		if err != nil {
			continue
		}
		reply := message.Type == ipv4.ICMPTypeEchoReply || message.Type == ipv6.ICMPTypeEchoReply
		if got, ok := message.Body.(*icmp.Echo); ok && reply &&
			got.ID == body.ID && got.Seq == body.Seq && len(got.Data) == size {
			return nil
		}
	}
}
