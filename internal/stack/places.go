package stack

import "github.com/packetscope/packetscope/bpf"

// stationLabels is what each station is called on the metrics.
var stationLabels = map[bpf.Station]struct {
	layer     Layer
	direction Direction
}{
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

// The inverses of the index formulas in bpf/include/abi.h.

// trafficPlace returns what an entry of the map traffic counts.
func trafficPlace(entry int) (bpf.Station, Kind, DeviceClass) {
	class := entry % bpf.Classes
	kind := entry / bpf.Classes % bpf.Kinds
	return bpf.Station(entry / bpf.Classes / bpf.Kinds), Kind(kind), DeviceClass(class)
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
