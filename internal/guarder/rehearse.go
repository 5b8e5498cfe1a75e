//go:build linux

package guarder

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// rehearse runs a policy in the kernel, beside the one in force and with counters of
// its own, on packets that hosts live on, and compares the verdicts with those of the
// plain interpreter. A difference is a fault of ours, and the policy is not put in
// force.
func rehearse(p *policy.Policy, tables *compile.Tables, own []netip.Addr) error {
	g, err := tables.Load(compile.LoadOptions{Own: own, Explain: true})
	if err != nil {
		return err
	}
	defer g.Close()
	env := &policy.Env{Sets: p.Sets, Bindings: p.Bindings, Own: func(a netip.Addr) bool {
		for _, o := range own {
			if o == a {
				return true
			}
		}
		return false
	}}
	for name, frame := range specimens(own) {
		parsed := packet.Parse(frame)
		drops := func(now time.Time) bool {
			env.Now = now
			return p.Judge(&parsed, env).Verdict == policy.Dropped
		}
		before := drops(time.Now().Add(-clockStep))
		verdict, err := g.Program.Run(&ebpf.RunOptions{Data: frame})
		if err != nil {
			return fmt.Errorf("try the policy on %s: %w", name, err)
		}
		// The two are the same unless a rule ends just now.
		after := drops(time.Now().Add(clockStep))
		if dropped := verdict == xdpDrop; dropped != before && dropped != after {
			return fmt.Errorf("the policy is not put in force: the kernel's program would treat %s otherwise than the policy says (dropped: %v)", name, dropped)
		}
	}
	return nil
}

// xdpDrop is XDP_DROP of include/uapi/linux/bpf.h.
const xdpDrop = 1

// specimens are packets to the first address of each family that this host has, or
// to one of documentation.
func specimens(own []netip.Addr) map[string][]byte {
	local := map[bool]netip.Addr{false: netip.MustParseAddr("192.0.2.1"), true: netip.MustParseAddr("2001:db8::1")}
	for _, a := range own {
		if !a.IsLoopback() && !a.IsLinkLocalUnicast() {
			local[a.Is6()] = a
		}
	}
	remote := map[bool]netip.Addr{false: netip.MustParseAddr("198.51.100.7"), true: netip.MustParseAddr("2001:db8:7::7")}
	mac := [6]byte{2, 0, 0, 0, 0, 1}
	all := map[string][]byte{
		"an ARP request": (&packet.Frame{SourceMAC: mac, ARP: &packet.ARP{Operation: 1, SenderMAC: mac, SenderIP: remote[false], TargetIP: local[false]}}).Bytes(),
	}
	for six, name := range map[bool]string{false: "IPv4", true: "IPv6"} {
		base := packet.Frame{SourceMAC: mac, Source: remote[six], Destination: local[six]}
		for _, port := range []uint16{22, 53, 80, 443, 10142} {
			syn, udp := base, base
			syn.Protocol, syn.SourcePort, syn.DestinationPort, syn.Flags, syn.MSS = packet.TCP, 40000, port, 2, 1460
			udp.Protocol, udp.SourcePort, udp.DestinationPort = packet.UDP, port, 40000
			all[fmt.Sprintf("a SYN to port %d over %s", port, name)] = syn.Bytes()
			all[fmt.Sprintf("a datagram from port %d over %s", port, name)] = udp.Bytes()
			all[fmt.Sprintf("a SYN to port %d over %s that is cut", port, name)] = syn.Bytes()[:50]
		}
		fragment := base
		fragment.Protocol, fragment.Offset, fragment.Payload = packet.UDP, 1480, make([]byte, 64)
		all["a later fragment over "+name] = fragment.Bytes()
	}
	return all
}
