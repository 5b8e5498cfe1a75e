package otlp

import (
	"strconv"
	"strings"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"

	"github.com/packetscope/packetscope/internal/tracer"
)

func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(value)}}}
}

// valid returns a text that a message may hold: names of processes and devices are any bytes.
func valid(text string) string { return strings.ToValidUTF8(text, "?") }

func number[N int | int32 | uint32 | uint64](key string, value N) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(value)}}}
}

func truth(key string, value bool) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: value}}}
}

// A heading is what the headers of a packet say.
type heading struct {
	// protocol is the innermost one that is known, such as "TCP" or "ARP".
	protocol   string
	attributes []*common.KeyValue
}

// headingOf decodes a frame. Of a tunnel the innermost addresses count.
func headingOf(frame []byte) heading {
	h := heading{protocol: "packet"}
	ends, ports := map[string]string{}, map[string]string{}
	var kind, transport string
	for _, l := range tracer.Layers(frame) {
		if l.Name == "Ethernet" || l.Name == "Dot1Q" {
			continue
		}
		h.protocol = l.Name
		switch l.Name {
		case "IPv4", "IPv6":
			kind, transport, ports = map[string]string{"IPv4": "ipv4", "IPv6": "ipv6"}[l.Name], "", map[string]string{}
		case "TCP", "UDP":
			transport = map[string]string{"TCP": "tcp", "UDP": "udp"}[l.Name]
		case "ICMPv4":
			h.protocol = "ICMP"
		}
		for _, f := range l.Fields {
			switch f[0] {
			case "source", "destination":
				ends[f[0]] = f[1]
			case "source_port", "destination_port":
				ports[f[0]] = f[1]
			case "flags":
				if l.Name == "TCP" {
					h.attributes = append(h.attributes, text("packetscope.tcp.flags", f[1]))
				}
			case "message":
				h.attributes = append(h.attributes, text("packetscope.icmp.message", f[1]))
			}
		}
	}
	h.attributes = append(h.attributes, text("packetscope.protocol", h.protocol))
	if kind != "" {
		h.attributes = append(h.attributes, text("network.type", kind))
	}
	if transport != "" {
		h.attributes = append(h.attributes, text("network.transport", transport))
	}
	for _, end := range []string{"source", "destination"} {
		if ends[end] != "" {
			h.attributes = append(h.attributes, text(end+".address", ends[end]))
		}
		if port, err := strconv.Atoi(ports[end+"_port"]); err == nil {
			h.attributes = append(h.attributes, number(end+".port", port))
		}
	}
	return h
}

// placeOf tells where an event was.
func placeOf(e *tracer.Event) (list []*common.KeyValue) {
	if e.Device != "" {
		list = append(list, text("network.interface.name", e.Device), number("packetscope.interface.index", e.Interface))
	}
	if e.Namespace != 0 {
		list = append(list, number("packetscope.network_namespace", e.Namespace))
	}
	return list
}

// taskOf tells of the task that an event is of; nothing if it was only interrupted.
func taskOf(e *tracer.Event) []*common.KeyValue {
	if e.Process == 0 {
		return nil
	}
	return []*common.KeyValue{
		number("process.pid", e.Process), number("thread.id", e.Thread), text("process.executable.name", e.Command),
	}
}
