package collector

import (
	"slices"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/posture"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
)

// A Host is what the number of series depends on.
type Host struct {
	// Kinds is the number of pairs of family and protocol in the traffic, and
	// Protocols that of protocols alone.
	Kinds, Protocols int
	// Classes is the number of device classes, "none" included.
	Classes int
	// Devices is the number of network devices that have a series of their own.
	Devices int
	// Watches is the number of watches in the configuration.
	Watches int
	// OddWays is whether packets take ways that most hosts do not have: forwarded by loopback,
	// or past the hooks of netfilter, as by IPsec.
	OddWays bool
	// Netfilter is whether the collector "netfilter" is on.
	Netfilter bool
	// Posture is whether the collector "posture" is on.
	Posture bool
	// PathEdges is the number of steps of the path map, 0 if the collector "pathmap" is off;
	// PathTimes that of those with times, PathFunctions that of functions, and PathFates that of
	// pairs of what became of packets and a protocol.
	PathEdges, PathTimes, PathFunctions, PathFates int
	// Flows is FlowOptions.Top.
	Flows int
	// Ports is the number of TCP ports that are listened on.
	Ports int
	// ConnectResults and ResetReasons are the numbers of results of a TCP connect and
	// of the kernel's reasons for a TCP reset that occur.
	ConnectResults, ResetReasons int
	// Probes and Maps are those of the engine.
	Probes, Maps int
	// Reasons is the number of reasons for which packets are dropped, and Functions
	// that of pairs of a reason and a function that drops for it.
	Reasons, Functions int
	// ICMPErrors is the number of pairs of type and code in the ICMP errors sent.
	ICMPErrors int
	// GuarderRules is the number of rules of Guarder that matched something, or are about
	// an attack; 0 without Guarder. GuarderSets that of its named sets, and GuarderMessages that of
	// the types of ICMP that arrive, of each version of IP.
	GuarderRules, GuarderSets, GuarderMessages int
	// GuarderFeeds is the number of feeds of Guarder, and GuarderLearning that of the named
	// sets that learn MAC addresses.
	GuarderFeeds, GuarderLearning int
	// GuarderBans is the number of origins of its bans, up to four.
	GuarderBans int
	// GuarderFloods is the number of rules of Guarder that answer SYNs.
	GuarderFloods int
	// GuarderCounting is the number of rules of Guarder with limits on connections.
	GuarderCounting int
	// GuarderCountries is the number of countries that sources of what Guarder drops
	// belong to, and of what stands in place of one; 0 if nobody tells the country of an address.
	GuarderCountries int
	// Destinations is the number of destinations that paths are measured to, 0 without
	// Locator; PathTTLs that of distances on each path, PathHops that of hops, for
	// each distance with more than 8 the one that is "other" included, and PathLinks that of links
	// between them. PathRules is the number of rules of the policy, and
	// LocatorFiles that of databases and lists.
	Destinations, PathTTLs, PathHops, PathLinks, PathRules, LocatorFiles int
}

// TypicalHost is a server with the default configuration: TCP, UDP and ICMP over
// IPv4 and IPv6, on loopback and on network cards. Its map of paths is a little larger than one
// that was seen: 173 steps, 28 of them timed, between 84 functions.
var TypicalHost = Host{Kinds: 6, Protocols: 4, Classes: 3, Devices: 4, Flows: DefaultTopFlows, Ports: 8, ConnectResults: 3, ResetReasons: 5, Probes: 40, Maps: 4,
	Reasons: 6, Functions: 12, ICMPErrors: 2, PathEdges: 200, PathTimes: 60, PathFunctions: 100, PathFates: 20,
}

// GuardedHost is TypicalHost with Guarder and about twice the rules of the policies that
// suit every host.
var GuardedHost = guarded(TypicalHost)

func guarded(h Host) Host {
	h.GuarderRules, h.GuarderSets, h.GuarderMessages, h.GuarderFeeds, h.GuarderLearning, h.GuarderFloods, h.GuarderCounting, h.GuarderCountries = 40, 3, 8, 2, 1, 1, 1, 30
	return h
}

// LocatedHost is TypicalHost with 20 destinations at 14 hops, where every third distance
// has two routers.
var LocatedHost = located(TypicalHost)

func located(h Host) Host {
	h.Destinations, h.PathTTLs, h.PathHops, h.PathLinks, h.PathRules, h.LocatorFiles = 20, 14, 18, 21, 3, 3
	return h
}

// LargestHost has everything that the engine can tell apart.
var LargestHost = Host{
	Kinds: 11, Protocols: 6, Classes: 4, Devices: 64, Watches: 64, OddWays: true, Netfilter: true, Posture: true, PathEdges: 3000, PathTimes: 3000, PathFunctions: 2000, PathFates: 600, Flows: MaxTopFlows, Ports: MaxListenerPorts + 1, ConnectResults: 5, ResetReasons: 64, Probes: 64, Maps: 16,
	Reasons: 128, Functions: 1000, ICMPErrors: 257, GuarderRules: 2000, GuarderSets: 100, GuarderFeeds: 32, GuarderBans: 4, GuarderFloods: 256, GuarderCounting: metric.MostCountingRules, GuarderLearning: 100, GuarderMessages: 256, GuarderCountries: 260,
	Destinations: metric.MostDestinations, PathTTLs: 30, PathHops: 30 * (maxTTLHops + 1), PathLinks: 29 * maxTTLHops, PathRules: 100, LocatorFiles: metric.MostLocatorFiles,
}

// SeriesBound returns the greatest number of classic series that a host can have
// with the given StackOptions.SeriesLimit, all collectors of this package
// together. A server that ingests only native histograms stores far fewer.
//
// It takes every label to have each of its values together with each of the
// others, so real hosts stay well below it.
func SeriesBound(h Host, limit int) int {
	total := 0
	for _, f := range metric.Families {
		total += h.bound(f, limit) * f.SeriesPerSet()
	}
	return total
}

// bound returns the greatest number of label sets of a family; 0 for those that no
// collector of this package emits on such a host. The annotator is a program of its own,
// see [AnnotatorSize].
func (h Host) bound(f *metric.Family, limit int) int {
	switch {
	case f.Collector == "", f.Collector == metric.CollectorAnnotator, f.Collector == metric.CollectorGuarder && h.GuarderRules == 0, f.Collector == metric.CollectorNetfilter && !h.Netfilter, f.Collector == metric.CollectorPosture && !h.Posture, f.Collector == metric.CollectorPathMap && h.PathEdges == 0, f == metric.NetfilterDrops && !h.Netfilter:
		return 0
	}
	if f.Collector == metric.CollectorPath {
		return h.pathBound(f, limit)
	}
	sets := h.labelSets(f)
	if slices.Contains(limited(), f) || slices.Contains(foldedByRule, f) {
		sets = min(sets, max(1, seriesLimit(f, limit)/seriesOf(f))*seriesOf(f)/f.SeriesPerSet())
	}
	return sets
}

// foldedByRule are the families that tell more of the rules of GuarderRulePackets.
var foldedByRule = []*metric.Family{metric.GuarderRuleBytes, metric.GuarderRuleInfo, metric.GuarderRuleLastMatch}

// seriesOf returns how many series of a family are folded together.
func seriesOf(f *metric.Family) int {
	if f.HasLabel("port") {
		return seriesPerPort(f)
	}
	return f.SeriesPerSet()
}

// labelSets returns how many label sets of a family the host can have.
func (h Host) labelSets(f *metric.Family) int {
	switch f {
	case metric.Packets, metric.Bytes:
		return h.Kinds * (1 + h.Watches) * h.stations()
	case metric.LayerCrossings:
		return h.Kinds * (1 + h.Watches) * h.crossings()
	case metric.StageDuration:
		return h.Protocols * (1 + h.Watches) * h.crossings()
	case metric.UnmatchedStages:
		return unmatched()
	case metric.StackPathSamples:
		return h.PathEdges
	case metric.StackPathTimed, metric.StackPathStep:
		return h.PathTimes
	case metric.StackPathFunction:
		return h.PathFunctions
	case metric.StackPathPackets:
		return h.PathFates
	case metric.StackPathLost:
		return 2
	case metric.Sockets, metric.SocketQueueBytes:
		return socketKinds(f)
	case metric.PostureState, metric.PostureValue:
		return postureNames(h.Devices)
	case metric.GuarderServicePackets:
		return 2 * (topServices + 1) // two verdicts
	case metric.GuarderICMPPackets:
		return 2 * h.GuarderMessages
	case metric.GuarderICMPQuoted:
		return 2 * 6 * 5 // versions of IP, classes of errors, protocols
	case metric.GuarderBindings:
		return 3 * h.GuarderLearning // states
	case metric.GuarderBindingChanges:
		return h.GuarderLearning
	case metric.GuarderFeedPackets:
		return 3 * h.GuarderFeeds // verdicts
	case metric.GuarderFeedInfo, metric.GuarderFeedRefused:
		return h.GuarderFeeds // it does one thing, and has one reason
	case metric.GuarderCookiesActive, metric.GuarderCookiesSent, metric.GuarderCookiesLeft:
		return h.GuarderFloods
	case metric.GuarderCookiesChecked:
		return 2 * h.GuarderFloods // results
	case metric.GuarderConnections, metric.GuarderUncounted:
		return min(1, h.GuarderCounting)
	case metric.GuarderRuleConnections, metric.GuarderRuleConnectionsLimit:
		return h.GuarderCounting
	case metric.GuarderModeCeiling:
		return 1
	case metric.GuarderInForce:
		return len(inForce)
	case metric.TCPConnectDuration:
		return 2 * (h.ConnectResults + 1) // a passive connect is established, or not seen
	case metric.TCPResets:
		return 2 * (h.ResetReasons + 1) // those received have none
	}
	sets := 1
	for _, label := range f.Labels {
		sets *= h.values(f, label)
	}
	return sets
}

// devices returns in how many classes of devices packets of a direction go.
func (h Host) devices(d stack.Direction) int {
	if d == stack.Forward && !h.OddWays {
		return h.Classes - 2 // "none" and loopback
	}
	return h.Classes - 1
}

// stations returns how many pairs of a station and a class of devices there are.
func (h Host) stations() (n int) {
	for _, at := range stack.Stations() {
		if at.Layer == stack.Socket {
			n++ // only sockets have no device
			continue
		}
		n += h.devices(at.Direction)
	}
	return n
}

// crossings returns how many pairs of a span and a class of devices there are.
func (h Host) crossings() (n int) {
	for _, span := range stack.Spans() {
		if h.OddWays || span != pastNetfilter {
			n += h.devices(span.Direction)
		}
	}
	return n
}

// pastNetfilter is the span of packets that the host sends and netfilter does not see.
var pastNetfilter = stack.Span{Direction: stack.Transmit, From: stack.Transport, To: stack.Qdisc}

// unmatched returns how many pairs of a span and a cause there are: packets are missed only
// where all of them are expected.
func unmatched() (n int) {
	for _, span := range stack.Spans() {
		for _, cause := range stack.Causes {
			if span.Expected() || cause == stack.Stale || cause == stack.Clock {
				n++
			}
		}
	}
	return n
}

// socketKinds returns how many kinds of sockets a family tells apart: each host has
// them all.
func socketKinds(f *metric.Family) int {
	n := 0
	for _, family := range sockets.Families {
		for _, p := range sockets.Protocols {
			switch {
			case !p.In(family):
			case f.HasLabel("queue"):
				n += 2
			default:
				n += len(p.States())
			}
		}
	}
	return n
}

// values returns how many values a label of a family can have. Labels that
// depend on another one count as 1 beside it.
func (h Host) values(f *metric.Family, label string) int {
	switch label {
	case "layer":
		if f.HasLabel("reason") {
			return 1
		}
		return len(stack.Stations())
	case "from":
		return len(stack.Spans())
	case "direction":
		switch {
		case f.HasLabel("reason"):
			return 2 // a reason is rarely given both on receive and on transmit
		case f.HasLabel("layer"), f.HasLabel("from"), f.HasLabel("kind"):
			return 1
		}
		return 2
	case "remote":
		if f.Type == metric.Gauge {
			return h.Flows // the others have nothing in common
		}
		return h.Flows + 1
	case "protocol":
		if f.HasLabel("remote") {
			return 1
		}
		if f.HasLabel("family") {
			return h.Kinds
		}
		return h.Protocols
	case "device_class":
		if !f.HasLabel("layer") {
			return h.Classes - 1 // only reads and writes of sockets have none
		}
		return h.Classes
	case "watch":
		return 1 + h.Watches
	case "device":
		if f == metric.GuarderAttached {
			return h.Devices
		}
		return h.Devices + 1
	case "cause":
		return 5
	case "check":
		return len(posture.Checks())
	case "vector", "side", "queue", "mtu":
		return 2
	case "state":
		if f == metric.TCPCongestion {
			return 5
		}
		return 2
	case "kind":
		switch f {
		case metric.DeviceDrops:
			return len(stack.DeviceCounters())
		case metric.SocketOverflows:
			return len(stack.OverflowKinds())
		}
		return 6
	case "reason":
		switch f {
		case metric.GuarderFeedRefusals, metric.GuarderFeedRefused:
			return len(feed.Reasons)
		case metric.GuarderUnparsable:
			return int(packet.Reasons) - 1 // but "ok"
		case metric.Drops:
			return h.Reasons
		case metric.DropLocations:
			return 1 // beside "function"
		}
		return h.ResetReasons
	case "found":
		return min(h.GuarderRules, len(guarder.SocketNames))
	case "function":
		return h.Functions
	case "type":
		return h.ICMPErrors
	case "role":
		if f.HasLabel("remote") {
			return 1
		}
		return 2
	case "result":
		return h.ConnectResults
	case "event":
		return 3
	case "port":
		return h.Ports
	case "family":
		if !f.HasLabel("protocol") && !f.HasLabel("hook") {
			return 2
		}
		return 1 // beside "protocol" or "hook"
	case "hook":
		if f.HasLabel("probe") || f == metric.GuarderAttached {
			return 1
		}
		return 2 * 5 // IPv4 and IPv6
	case "probe":
		return h.Probes
	case "map", "source":
		return h.Maps
	case "metric":
		return len(limited())
	case "collector":
		n := len(Switches)
		if !h.Posture {
			n--
		}
		if h.PathEdges == 0 {
			n--
		}
		if h.GuarderRules > 0 {
			n++
		}
		if h.Destinations > 0 {
			n++
		}
		return n
	case "group":
		return h.GuarderRules
	case "country":
		return h.GuarderCountries
	case "asn":
		return min(1, h.GuarderCountries) * (topSystems + 1)
	case "set":
		return h.GuarderSets
	case "feed":
		return h.GuarderFeeds
	case "origin":
		return h.GuarderBans
	case "action":
		if f == metric.GuarderBanEvents {
			return len(ban.Actions)
		}
	case "mode", "verdict":
		if f.HasLabel("group") {
			return 1 // a rule does one thing
		}
		return 2
	}
	return 1 // what depends on "group", "to" beside "from", "code" beside "type", "severity" beside "reason", "as_name" beside "asn", and what tells flows apart beside "remote"
}
