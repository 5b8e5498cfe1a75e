package stack

import (
	"cmp"
	"maps"
	"slices"

	"github.com/packetscope/packetscope/bpf"
)

// A Station is a layer with a direction: where one Traffic is counted.
type Station struct {
	Layer     Layer
	Direction Direction
}

// Stations returns all stations, by layer.
func Stations() []Station {
	return slices.SortedFunc(maps.Values(stationLabels), func(x, y Station) int {
		return cmp.Or(cmp.Compare(x.Layer, y.Layer), cmp.Compare(x.Direction, y.Direction))
	})
}

// Spans returns all spans that are counted and timed, by direction.
func Spans() []Span { return slices.SortedFunc(maps.Values(spanLabels), compareSpans) }

// stationLabels is what each station is called on the metrics.
var stationLabels = map[bpf.Station]Station{
	bpf.LinkReceive:       {Link, Receive},
	bpf.NetworkReceive:    {Network, Receive},
	bpf.TransportReceive:  {Transport, Receive},
	bpf.NetworkForward:    {Network, Forward},
	bpf.TransportTransmit: {Transport, Transmit},
	bpf.NetworkTransmit:   {Network, Transmit},
	bpf.QdiscTransmit:     {Qdisc, Transmit},
	bpf.DriverTransmit:    {Driver, Transmit},
	bpf.SocketRead:        {Socket, Receive},
	bpf.SocketWrite:       {Socket, Transmit},
}

// spanLabels is what each span is called on the metrics.
var spanLabels = map[bpf.Span]Span{
	bpf.ReceiveLinkNetwork:       {Receive, Link, Network},
	bpf.ReceiveNetworkTransport:  {Receive, Network, Transport},
	bpf.ReceiveLinkTransport:     {Receive, Link, Transport},
	bpf.ReceiveTransportSocket:   {Receive, Transport, Socket},
	bpf.ForwardLinkNetwork:       {Forward, Link, Network},
	bpf.ForwardNetworkQdisc:      {Forward, Network, Qdisc},
	bpf.ForwardLinkQdisc:         {Forward, Link, Qdisc},
	bpf.TransmitTransportNetwork: {Transmit, Transport, Network},
	bpf.TransmitNetworkQdisc:     {Transmit, Network, Qdisc},
	bpf.TransmitQdiscDriver:      {Transmit, Qdisc, Driver},
	bpf.TransmitTransportDriver:  {Transmit, Transport, Driver},
	bpf.TransmitTransportQdisc:   {Transmit, Transport, Qdisc},
}

// expectedSpans are the spans that every packet at their beginning should cross; the
// kernel half counts those that do not (span_after in stamp.h).
var expectedSpans = []bpf.Span{
	bpf.ReceiveLinkNetwork, bpf.ReceiveNetworkTransport, bpf.ForwardNetworkQdisc,
	bpf.TransmitTransportNetwork, bpf.TransmitNetworkQdisc, bpf.TransmitQdiscDriver,
}

// Expected tells whether every packet at the beginning of the span should cross it.
func (s Span) Expected() bool {
	return slices.ContainsFunc(expectedSpans, func(span bpf.Span) bool { return spanLabels[span] == s })
}

// The inverses of the index formulas in bpf/include/abi.h.

// trafficPlace returns what an entry of the map traffic counts; both banks count
// the same.
func trafficPlace(entry int) (way int, k Kind, c DeviceClass) {
	entry %= bpf.TrafficEntries
	class := entry % bpf.Classes
	kind := entry / bpf.Classes % bpf.Kinds
	return entry / bpf.Classes / bpf.Kinds, Kind(kind), DeviceClass(class)
}

// wayEnd returns the station that a way leads to, and the spans that are crossed on
// it. The station is 0 for the way to a socket, where reads are counted and not packets.
func wayEnd(way int) (bpf.Station, []bpf.Span) {
	switch {
	case way == bpf.WayWholeReceive:
		return bpf.TransportReceive, []bpf.Span{bpf.ReceiveNetworkTransport, bpf.ReceiveLinkTransport}
	case way == bpf.WayWholeTransmit:
		return bpf.DriverTransmit, []bpf.Span{bpf.TransmitQdiscDriver, bpf.TransmitTransportDriver}
	case way < bpf.WaySpan:
		return bpf.Station(way), nil
	case way == bpf.WaySpan: // span 0 is none
		return 0, nil
	}
	span := bpf.Span(way - bpf.WaySpan)
	return stationAfter[span], []bpf.Span{span}
}

// stationAfter is where each span leads to.
var stationAfter = map[bpf.Span]bpf.Station{
	bpf.ReceiveLinkNetwork:       bpf.NetworkReceive,
	bpf.ReceiveNetworkTransport:  bpf.TransportReceive,
	bpf.ReceiveLinkTransport:     bpf.TransportReceive,
	bpf.ForwardLinkNetwork:       bpf.NetworkForward,
	bpf.ForwardNetworkQdisc:      bpf.QdiscTransmit,
	bpf.ForwardLinkQdisc:         bpf.QdiscTransmit,
	bpf.TransmitTransportNetwork: bpf.NetworkTransmit,
	bpf.TransmitNetworkQdisc:     bpf.QdiscTransmit,
	bpf.TransmitQdiscDriver:      bpf.DriverTransmit,
	bpf.TransmitTransportDriver:  bpf.DriverTransmit,
	bpf.TransmitTransportQdisc:   bpf.QdiscTransmit,
}

// spanPlace returns what an entry of the map latency below LATENCY_READ_WAIT counts.
// Device class 0 does not occur there, so the entries begin with class 1.
func spanPlace(entry int) (bpf.Span, Kind, DeviceClass) {
	entry -= bpf.LatencySpan
	classes := bpf.Classes - 1
	class := entry%classes + 1
	kind := entry / classes % bpf.IPKinds
	return bpf.Span(entry / classes / bpf.IPKinds), Kind(kind), DeviceClass(class)
}

// unmatchedPlace returns what an entry of the map unmatched counts.
func unmatchedPlace(entry int) (bpf.Span, Cause) {
	return bpf.Span(entry / bpf.Causes), Cause(entry % bpf.Causes)
}

var vectorNames = []string{"net_tx", "net_rx"}

var netfilterFamilies = []string{"ipv4", "ipv6"}
