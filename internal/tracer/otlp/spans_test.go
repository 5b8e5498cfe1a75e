package otlp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/packetscope/packetscope/internal/tracer"
)

// outline writes a trace as lines "name +from..+to" with its events, each span below its parent.
func outline(spans []*trace.Span) string {
	var b strings.Builder
	depth := map[string]int{}
	begin := spans[0].StartTimeUnixNano
	for _, s := range spans {
		d := 0
		if len(s.ParentSpanId) > 0 {
			d = depth[string(s.ParentSpanId)] + 1
		}
		depth[string(s.SpanId)] = d
		fmt.Fprintf(&b, "%s%s %d..%d", strings.Repeat(" ", d), s.Name, s.StartTimeUnixNano-begin, s.EndTimeUnixNano-begin)
		for _, e := range s.Events {
			fmt.Fprintf(&b, " *%s@%d", e.Name, e.TimeUnixNano-begin)
		}
		if s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
			fmt.Fprintf(&b, " !%s", s.Status.Message)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var origin = Origin{Boot: "boot", Zero: time.Unix(1_800_000_000, 0)}

func TestPacketBecomesATrace(t *testing.T) {
	for name, c := range map[string]struct {
		packet *tracer.Packet
		want   string
	}{
		"read": {packet(t, false), `TCP receive eth0 0..8000
 napi_gro_receive_entry to netif_receive_skb 0..1500
 netif_receive_skb to tcp_probe 1500..3000
 tcp_probe to skb_copy_datagram_iovec 3000..8000
 softirq 0..3000
  __napi_poll 0..3000
   process_backlog 0..3000
    napi_gro_receive 0..0 *napi_gro_receive_entry@0
    __netif_receive_skb_one_core 1500..3000 *netif_receive_skb@1500
     ipv6_rcv 3000..3000
      tcp_v6_rcv 3000..3000 *tcp_probe@3000
 system call 8000..8000
  __sys_recvfrom 8000..8000
   tcp_recvmsg 8000..8000 *skb_copy_datagram_iovec@8000
`},
		"dropped": {packet(t, true), `TCP receive eth0 0..3000 *drop@3000 !dropped in ip6_rcv_core: IP_INHDR
 napi_gro_receive_entry to netif_receive_skb 0..1500
 netif_receive_skb to kfree_skb 1500..3000
 softirq 0..3000
  __napi_poll 0..3000
   process_backlog 0..3000
    napi_gro_receive 0..0 *napi_gro_receive_entry@0
    __netif_receive_skb_one_core 1500..3000 *netif_receive_skb@1500
     ip6_rcv_core 3000..3000
      sk_skb_reason_drop 3000..3000 *kfree_skb@3000 *drop@3000 !dropped in ip6_rcv_core: IP_INHDR
`},
	} {
		t.Run(name, func(t *testing.T) {
			spans := Spans(c.packet, origin)
			wellFormed(t, spans)
			if diff := cmp.Diff(c.want, outline(spans)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if want := uint64(1_800_000_000_000_001_000); spans[0].StartTimeUnixNano != want {
				t.Errorf("it begins at %d, want %d", spans[0].StartTimeUnixNano, want)
			}
		})
	}
}

func TestRootTellsOfThePacket(t *testing.T) {
	want := map[string]any{
		"packetscope.protocol": "TCP", "packetscope.tcp.flags": "SYN", "network.type": "ipv6", "network.transport": "tcp",
		"source.address": "2001:db8::1", "source.port": int64(40000), "destination.address": "2001:db8::2", "destination.port": int64(443),
		"network.interface.name": "eth0", "packetscope.interface.index": int64(2), "packetscope.network_namespace": int64(4026531840),
		"packetscope.direction": "receive", "network.io.direction": "receive", "packetscope.length": int64(80), "packetscope.events": int64(4),
		"packetscope.socket.inode": int64(77), "packetscope.cgroup.id": int64(88),
		"process.pid": int64(230), "thread.id": int64(231), "process.executable.name": "reader",
		"packetscope.fate": "delivered", "packetscope.fate.function": "tcp_recvmsg",
	}
	if diff := cmp.Diff(want, values(Spans(packet(t, false), origin)[0].Attributes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := values(Spans(packet(t, true), origin)[0].Attributes)["error.type"]; got != "IP_INHDR" {
		t.Errorf("error.type is %v", got)
	}
}

// TestNothingIsTold of what is in the packet, or where the kernel has it.
func TestNothingIsToldOfContents(t *testing.T) {
	for _, s := range Spans(packet(t, false), origin) {
		text := s.String()
		for _, secret := range []string{"secret", "ffff8880", "18446612682377844344"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells %q: %s", s.Name, secret, text)
			}
		}
	}
}

func TestWaysAreTold(t *testing.T) {
	for want, hooks := range map[string][]tracer.Hook{
		"TCP receive":  {"netif_receive_skb", "consume_skb"},
		"TCP transmit": {"net_dev_queue", "net_dev_xmit", "netif_rx", "netif_receive_skb"},
		"TCP forward":  {"netif_receive_skb", "net_dev_queue", "net_dev_xmit"},
		"TCP handle":   {"kfree_skb"},
	} {
		p := &tracer.Packet{}
		for i, h := range hooks {
			p.Events = append(p.Events, tracer.Event{Time: time.Duration(i), Hook: h, Frame: frame(t)})
		}
		spans := Spans(p, origin)
		wellFormed(t, spans)
		if spans[0].Name != want {
			t.Errorf("%v is %q, want %q", hooks, spans[0].Name, want)
		}
	}
}

// TestEndlessPacketIsCut goes in a circle.
func TestEndlessPacketIsCut(t *testing.T) {
	p := packet(t, false)
	for i := range 5000 {
		e := p.Events[1]
		e.Time = time.Duration(10_000 + i)
		p.Events = append(p.Events, e)
	}
	spans := Spans(p, origin)
	wellFormed(t, spans)
	if got := values(spans[0].Attributes)["packetscope.events_left_out"]; got != int64(5004-mostEvents) || len(spans) > 3*mostEvents {
		t.Errorf("%v events are left out, and there are %d spans", got, len(spans))
	}
}

// TestWhatCameLaterIsOfTheSameTrace cuts a packet in two, as one that was given away too early.
func TestWhatCameLaterIsOfTheSameTrace(t *testing.T) {
	whole := packet(t, false)
	begin, rest := *whole, *whole
	begin.Events, rest.Events, rest.Again = whole.Events[:2], whole.Events[2:], true
	first, later := Spans(&begin, origin), Spans(&rest, origin)
	wellFormed(t, first)
	if !bytes.Equal(first[0].TraceId, later[0].TraceId) || !bytes.Equal(later[0].ParentSpanId, first[0].SpanId) {
		t.Errorf("%v\nis followed by\n%v", first[0], later[0])
	}
	ids := map[string]bool{}
	for _, s := range append(first, later...) {
		ids[string(s.SpanId)] = true
	}
	if len(ids) != len(first)+len(later) {
		t.Error("spans of both have the same id")
	}
}

// TestAnyNameCanBeTold has names that are no text.
func TestAnyNameCanBeTold(t *testing.T) {
	p := packet(t, false)
	for i := range p.Events {
		p.Events[i].Device, p.Events[i].Command, p.Events[i].Process = "e\xff", "\xc3(", 1
	}
	for _, s := range Spans(p, origin) {
		if _, err := proto.Marshal(s); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// TestFunctionsAreStages has a probe on a function beside the tracepoints.
func TestFunctionsAreStages(t *testing.T) {
	p := packet(t, false)
	begins := p.Events[2]
	begins.Time, begins.Hook, begins.Func, begins.Stack = 3000, tracer.FunctionHook, "ipv6_rcv", begins.Stack[:len(begins.Stack)-2]
	p.Events = slices.Insert(p.Events, 2, begins)
	spans := Spans(p, origin)
	wellFormed(t, spans)
	want := []string{"napi_gro_receive_entry to netif_receive_skb", "netif_receive_skb to ipv6_rcv", "ipv6_rcv to tcp_probe"}
	for i, name := range want {
		if spans[i+1].Name != name {
			t.Errorf("stage %d is %q, want %q", i, spans[i+1].Name, name)
		}
	}
}
