//go:build kernel && linux

package stack

import (
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A provocation makes the router drop packets of one kind for one cause.
type provocation struct {
	// reasons are the names that kernels have for the cause, newest first: the
	// first one that is in this kernel's own types is expected.
	reasons []string
	// functions are where kernels drop it, newest first.
	functions []string
	layer     Layer
	direction Direction
	severity  Severity
	kind      Kind
	// provoke returns how many packets must have been dropped.
	provoke func(*testing.T, *dropNet) uint64
}

func provocations() map[string]provocation {
	return map[string]provocation{
		"closed UDP port": {
			reasons: []string{"NO_SOCKET"}, functions: []string{"__udp4_lib_rcv"},
			layer: Transport, severity: Benign, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				n.frames(t, 11, n.datagram(t, n.router(testnet.IPv4, 9)).Bytes())
				return 11
			},
		},
		"closed UDP port, IPv6": {
			reasons: []string{"NO_SOCKET"}, functions: []string{"__udp6_lib_rcv"},
			layer: Transport, severity: Benign, kind: UDP6,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				n.frames(t, 13, n.datagram(t, n.router(testnet.IPv6, 9)).Bytes())
				return 13
			},
		},
		"closed TCP port": {
			reasons: []string{"NO_SOCKET"}, functions: []string{"tcp_v4_rcv"},
			layer: Transport, severity: Benign, kind: TCP4,
			provoke: func(t *testing.T, n *dropNet) uint64 { return refused(t, n, testnet.IPv4) },
		},
		"closed TCP port, IPv6": {
			reasons: []string{"NO_SOCKET"}, functions: []string{"tcp_v6_rcv"},
			layer: Transport, severity: Benign, kind: TCP6,
			provoke: func(t *testing.T, n *dropNet) uint64 { return refused(t, n, testnet.IPv6) },
		},
		"full receive buffer": {
			reasons: []string{"SOCKET_RCVBUFF"}, functions: []string{"udp_queue_rcv_one_skb"},
			layer: Socket, severity: Loss, kind: UDP4, provoke: fillReceiveBuffer,
		},
		"full listen queue": {
			reasons: []string{"TCP_LISTEN_OVERFLOW", "NOT_SPECIFIED"}, functions: []string{"tcp_v4_rcv"},
			layer: Transport, severity: Loss, kind: TCP4, provoke: overflowListener,
		},
		"bad UDP checksum": {
			reasons: []string{"UDP_CSUM"}, functions: []string{"__udp4_lib_rcv"},
			layer: Transport, severity: Loss, kind: UDP4,
			provoke: damaged(unix.IPPROTO_UDP, testnet.EthernetHeader+testnet.IPv4Header+6),
		},
		"bad TCP checksum": {
			reasons: []string{"TCP_CSUM"}, functions: []string{"tcp_v4_rcv"},
			layer: Transport, severity: Loss, kind: TCP4,
			provoke: damaged(unix.IPPROTO_TCP, testnet.EthernetHeader+testnet.IPv4Header+16),
		},
		"bad IPv4 checksum": {
			reasons: []string{"IP_CSUM"}, functions: []string{"ip_rcv_core"},
			layer: Network, severity: Loss, kind: UDP4,
			provoke: damaged(unix.IPPROTO_UDP, testnet.EthernetHeader+10),
		},
		"nft drop": {
			reasons: []string{"NETFILTER_DROP"}, functions: []string{"nft_do_chain", "nf_hook_slow"},
			layer: Network, severity: Policy, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				rule := n.Router.DropUDP(t, 1001)
				n.frames(t, 17, n.datagram(t, n.router(testnet.IPv4, 1001)).Bytes())
				return rule.Packets(t)
			},
		},
		"nft drop, IPv6, forwarded": {
			reasons: []string{"NETFILTER_DROP"}, functions: []string{"nft_do_chain", "nf_hook_slow"},
			layer: Network, direction: Forward, severity: Policy, kind: UDP6,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				rule := n.Router.DropUDPBefore(t, "forward", 1002)
				n.frames(t, 19, n.datagram(t, n.beyond(testnet.IPv6, 1002)).Bytes())
				return rule.Packets(t)
			},
		},
		"nft drop, sent": {
			reasons: []string{"NETFILTER_DROP"}, functions: []string{"nft_do_chain", "nf_hook_slow"},
			layer: Network, direction: Transmit, severity: Policy, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				rule := n.Router.DropUDPBefore(t, "output", 1003)
				sendFrom(t, n.Router, netip.AddrPortFrom(n.Left.V4, 1003), 7)
				return rule.Packets(t)
			},
		},
		"policer": {
			reasons: []string{"NETFILTER_DROP"}, functions: []string{"nft_do_chain", "nf_hook_slow"},
			layer: Network, severity: Policy, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				rule := n.Router.PoliceUDP(t, 1004, 5)
				receiver := listenUDP(t, n.Router, 1004)
				n.frames(t, 23, n.datagram(t, n.router(testnet.IPv4, 1004)).Bytes())
				if got := rule.Packets(t) + drain(receiver); got != 23 {
					t.Errorf("%d datagrams dropped or delivered, want 23", got)
				}
				return rule.Packets(t)
			},
		},
		"tc drop": {
			reasons: []string{"TC_INGRESS"}, functions: []string{"__netif_receive_skb_core", "sch_handle_ingress", "tcf_qevent"},
			layer: Link, severity: Policy, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				defer n.Router.DropByTC(t, false)()
				n.frames(t, 29, n.datagram(t, n.router(testnet.IPv4, 9)).Bytes())
				return 29
			},
		},
		"tc drop, sent": {
			reasons: []string{"TC_EGRESS"}, functions: []string{"__dev_queue_xmit"},
			layer: Qdisc, direction: Transmit, severity: Policy, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				defer n.Router.DropByTC(t, true)()
				sendFrom(t, n.Router, netip.AddrPortFrom(n.Left.V4, 9), 5)
				return 5
			},
		},
		"XDP drop": {
			// Kernels have a reason XDP, which they do not give here.
			reasons: []string{"NOT_SPECIFIED"}, functions: []string{"do_xdp_generic", "netif_receive_generic_xdp"},
			layer: Link, severity: Policy, kind: UDP6,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				defer n.Router.DropByXDP(t)()
				n.frames(t, 31, n.datagram(t, n.router(testnet.IPv6, 9)).Bytes())
				return 31
			},
		},
		"TTL expired": {
			reasons: []string{"IP_INHDR"}, functions: []string{"ip_forward"},
			layer: Network, direction: Forward, severity: Loss, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				f := n.datagram(t, n.beyond(testnet.IPv4, 9))
				f.Hops = 1
				n.frames(t, 37, f.Bytes())
				return 37
			},
		},
		"no route": {
			reasons: []string{"IP_INNOROUTES"}, functions: []string{"ip_error"},
			layer: Network, severity: Loss, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				n.frames(t, 41, n.datagram(t, netip.MustParseAddrPort("203.0.113.9:9")).Bytes())
				return 41
			},
		},
		"unreachable neighbour": {
			reasons: []string{"NEIGH_FAILED"}, functions: []string{"__neigh_event_send"},
			layer: Network, direction: Transmit, severity: Loss, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				// With nothing to ask it fails at once.
				n.Router.Set(t, "ipv4/neigh/router1/mcast_solicit", "0")
				defer n.Router.ResolveNeighbours(t, "router1")()
				sendFrom(t, n.Router, netip.MustParseAddrPort("198.18.2.77:9"), 9)
				return 9
			},
		},
		"oversized with DF": {
			reasons: []string{"PKT_TOO_BIG"}, functions: []string{"ip_forward"},
			layer: Network, direction: Forward, severity: Loss, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				n.Router.SetMTU(t, "router1", 1300)
				defer n.Router.SetMTU(t, "router1", 1500)
				f := n.datagram(t, n.beyond(testnet.IPv4, 9))
				f.DontFragment, f.Payload = true, make([]byte, 1400)
				n.frames(t, 43, f.Bytes())
				return 43
			},
		},
		"OTHERHOST": {
			reasons: []string{"OTHERHOST"}, functions: []string{"ip_rcv_core"},
			layer: Network, severity: Benign, kind: UDP4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				f := n.datagram(t, n.router(testnet.IPv4, 9))
				f.DestinationMAC = net.HardwareAddr{2, 0, 0, 0, 0, 77}
				n.frames(t, 47, f.Bytes())
				return 47
			},
		},
		"unknown IP protocol": {
			reasons: []string{"IP_NOPROTO"}, functions: []string{"ip_protocol_deliver_rcu", "ip_local_deliver_finish"},
			layer: Network, severity: Loss, kind: Other4,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				f := n.datagram(t, n.router(testnet.IPv4, 9))
				f.Protocol = 253 // for experiments, RFC 3692
				n.frames(t, 3, f.Bytes())
				return 3
			},
		},
		"unknown Ethernet protocol": {
			reasons: []string{"UNHANDLED_PROTO"}, functions: []string{"__netif_receive_skb_core"},
			layer: Link, severity: Benign, kind: NonIP,
			provoke: func(t *testing.T, n *dropNet) uint64 {
				frame := n.datagram(t, n.router(testnet.IPv4, 9)).Bytes()
				frame[12], frame[13] = 0x88, 0xb5 // for experiments, IEEE 802
				n.frames(t, 53, frame)
				return 53
			},
		},
		"socket filter": {
			reasons: []string{"SOCKET_FILTER"}, functions: []string{"udp_queue_rcv_one_skb"},
			layer: Socket, severity: Policy, kind: UDP4, provoke: filterSocket,
		},
		"full queue": {
			reasons: []string{"QDISC_DROP"}, functions: []string{"__dev_queue_xmit", "kfree_skb_list_reason"},
			layer: Qdisc, direction: Transmit, severity: Loss, kind: UDP4, provoke: fillQueue,
		},
	}
}
