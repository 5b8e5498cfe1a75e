package otlp

import (
	"encoding/hex"
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/packetscope/packetscope/internal/tracer"
)

// frame returns a segment of TCP over IPv6.
func frame(t testing.TB) []byte {
	t.Helper()
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
	tcp := &layers.TCP{SrcPort: 40000, DstPort: 443, SYN: true}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv6}, ip, tcp, gopacket.Payload("secret"))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packet returns a packet that comes in by a device, waits for a socket's owner, and is read;
// or that is dropped on the way.
func packet(t testing.TB, dropped bool) *tracer.Packet {
	t.Helper()
	id := tracer.Identity{Head: 0xffff888012345678, First: 1000}
	softirq := []string{"handle_softirqs", "net_rx_action", "__napi_poll", "process_backlog"}
	in := func(more ...string) []string { return append(softirq[:len(softirq):len(softirq)], more...) }
	base := tracer.Event{
		Packet: id, Descriptor: 7, Context: tracer.Softirq, CPU: 1, Interface: 2, Device: "eth0", Namespace: 4026531840,
		Length: 80, Frame: frame(t),
	}
	event := func(at time.Duration, hook tracer.Hook, stack []string) tracer.Event {
		e := base
		e.Time, e.Hook, e.Stack = at, hook, stack
		return e
	}
	p := &tracer.Packet{Number: 1, Identity: id, Events: []tracer.Event{
		event(1000, "napi_gro_receive_entry", in("napi_gro_receive")),
		event(2500, "netif_receive_skb", in("__netif_receive_skb_one_core")),
	}}
	if dropped {
		e := event(4000, "kfree_skb", in("__netif_receive_skb_one_core", "ip6_rcv_core", "sk_skb_reason_drop"))
		e.Reason = "IP_INHDR"
		p.Events = append(p.Events, e)
		return p
	}
	p.Events = append(p.Events, event(4000, "tcp_probe", in("__netif_receive_skb_one_core", "ipv6_rcv", "tcp_v6_rcv")))
	read := event(9000, "skb_copy_datagram_iovec", []string{"do_syscall_64", "__sys_recvfrom", "tcp_recvmsg"})
	read.Context, read.CPU, read.Process, read.Thread, read.Command, read.Value, read.Socket, read.Cgroup = tracer.System, 0, 230, 231, "reader", 6, 77, 88
	p.Events = append(p.Events, read)
	return p
}

func TestIdentityIsOfThePacketAndTheBoot(t *testing.T) {
	here := Origin{Boot: "one"}
	id := tracer.Identity{Head: 1, First: 2}
	got := hex.EncodeToString(here.TraceID(id))
	if again := hex.EncodeToString((Origin{Boot: "one", Zero: time.Unix(5, 0)}).TraceID(id)); got != again {
		t.Errorf("%s and %s", got, again)
	}
	for name, other := range map[string][]byte{
		"another boot":   Origin{Boot: "two"}.TraceID(id),
		"another buffer": here.TraceID(tracer.Identity{Head: 3, First: 2}),
		"another time":   here.TraceID(tracer.Identity{Head: 1, First: 3}),
	} {
		if hex.EncodeToString(other) == got {
			t.Errorf("%s has the same trace", name)
		}
	}
}

// TestClocksAgree compares a time of the kernel's clock with the wall clock around it.
func TestClocksAgree(t *testing.T) {
	before := time.Now().UnixNano()
	told := int64(Origin{Zero: zero()}.at(monotonic()))
	after := time.Now().UnixNano()
	const slack = int64(time.Second) // somebody else ran
	if told < before-slack || told > after+slack {
		t.Errorf("told %d, which is not between %d and %d", told, before, after)
	}
}
