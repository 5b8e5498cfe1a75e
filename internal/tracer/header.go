package tracer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// A Layer is a header of a packet, decoded.
type Layer struct {
	Name string
	// Fields are names and values, in the order of the header.
	Fields [][2]string
}

func decode(frame []byte) gopacket.Packet {
	return gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
}

// Layers decodes the headers of a frame, the outermost first. What was captured of it may end
// in a header: then that one is left out.
func Layers(frame []byte) (list []Layer) {
	for _, l := range decode(frame).Layers() {
		if fields := fieldsOf(l); fields != nil {
			list = append(list, Layer{l.LayerType().String(), fields})
		}
	}
	return list
}

func fieldsOf(l gopacket.Layer) [][2]string {
	switch h := l.(type) {
	case *layers.Ethernet:
		return [][2]string{{"source", h.SrcMAC.String()}, {"destination", h.DstMAC.String()}, {"type", h.EthernetType.String()}}
	case *layers.Dot1Q:
		return [][2]string{{"vlan", number(h.VLANIdentifier)}, {"priority", number(h.Priority)}, {"type", h.Type.String()}}
	case *layers.ARP:
		return [][2]string{{"operation", number(h.Operation)}, {"sender", dotted(h.SourceProtAddress)}, {"target", dotted(h.DstProtAddress)}}
	case *layers.IPv4:
		return [][2]string{
			{"source", h.SrcIP.String()}, {"destination", h.DstIP.String()}, {"protocol", h.Protocol.String()},
			{"ttl", number(h.TTL)}, {"tos", hexadecimal(h.TOS)}, {"id", number(h.Id)}, {"length", number(h.Length)},
			{"flags", h.Flags.String()}, {"offset", number(h.FragOffset * 8)}, {"checksum", hexadecimal(h.Checksum)},
		}
	case *layers.IPv6:
		return [][2]string{
			{"source", h.SrcIP.String()}, {"destination", h.DstIP.String()}, {"next_header", h.NextHeader.String()},
			{"hop_limit", number(h.HopLimit)}, {"traffic_class", hexadecimal(h.TrafficClass)},
			{"flow_label", hexadecimal(h.FlowLabel)}, {"length", number(h.Length)},
		}
	case *layers.TCP:
		return [][2]string{
			{"source_port", number(uint16(h.SrcPort))}, {"destination_port", number(uint16(h.DstPort))}, {"flags", tcpFlags(h)},
			{"sequence", number(h.Seq)}, {"acknowledgement", number(h.Ack)}, {"window", number(h.Window)},
			{"checksum", hexadecimal(h.Checksum)}, {"options", tcpOptions(h)}, {"payload", number(len(h.Payload))},
		}
	case *layers.UDP:
		return [][2]string{
			{"source_port", number(uint16(h.SrcPort))}, {"destination_port", number(uint16(h.DstPort))},
			{"length", number(h.Length)}, {"checksum", hexadecimal(h.Checksum)},
		}
	case *layers.ICMPv4:
		return [][2]string{{"message", h.TypeCode.String()}, {"id", number(h.Id)}, {"sequence", number(h.Seq)}}
	case *layers.ICMPv6:
		return [][2]string{{"message", h.TypeCode.String()}}
	}
	return nil
}

type integer interface {
	~int | ~uint8 | ~uint16 | ~uint32
}

func number[N integer](n N) string      { return strconv.FormatUint(uint64(n), 10) }
func hexadecimal[N integer](n N) string { return fmt.Sprintf("%#x", uint64(n)) }

func dotted(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = number(c)
	}
	return strings.Join(parts, ".")
}

func tcpFlags(h *layers.TCP) string {
	var set []string
	for _, f := range []struct {
		on   bool
		name string
	}{{h.SYN, "SYN"}, {h.FIN, "FIN"}, {h.RST, "RST"}, {h.PSH, "PSH"}, {h.ACK, "ACK"}, {h.URG, "URG"}, {h.ECE, "ECE"}, {h.CWR, "CWR"}} {
		if f.on {
			set = append(set, f.name)
		}
	}
	return strings.Join(set, " ")
}

func tcpOptions(h *layers.TCP) string {
	var kinds []string
	for _, o := range h.Options {
		if o.OptionType != layers.TCPOptionKindNop && o.OptionType != layers.TCPOptionKindEndList {
			kinds = append(kinds, o.OptionType.String())
		}
	}
	return strings.Join(kinds, " ")
}

// Summary returns a line about a frame, without its length.
func Summary(frame []byte) string {
	var from, to, what string
	ports := false
	for _, l := range decode(frame).Layers() {
		switch h := l.(type) {
		case *layers.Ethernet:
			from, to, what = h.SrcMAC.String(), h.DstMAC.String(), h.EthernetType.String()
		case *layers.ARP:
			from, to, what = dotted(h.SourceProtAddress), dotted(h.DstProtAddress), "ARP"
		case *layers.IPv4:
			from, to, what = h.SrcIP.String(), h.DstIP.String(), h.Protocol.String()
		case *layers.IPv6:
			from, to, what = h.SrcIP.String(), h.DstIP.String(), h.NextHeader.String()
		case *layers.TCP:
			from, to, ports = withPort(from, uint16(h.SrcPort)), withPort(to, uint16(h.DstPort)), true
			what = fmt.Sprintf("TCP %s seq %d ack %d win %d", tcpFlags(h), h.Seq, h.Ack, h.Window)
		case *layers.UDP:
			from, to, what, ports = withPort(from, uint16(h.SrcPort)), withPort(to, uint16(h.DstPort)), "UDP", true
		case *layers.ICMPv4:
			what = "ICMP " + h.TypeCode.String()
		case *layers.ICMPv6:
			what = "ICMPv6 " + h.TypeCode.String()
		}
		if ports {
			break
		}
	}
	return fmt.Sprintf("%s > %s %s", from, to, what)
}

func withPort(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + number(port)
}
