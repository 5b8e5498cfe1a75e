package config

import (
	"time"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/wire"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// A Locator says which paths to measure, and how.
type Locator struct {
	// Config is for the engine. [Load] has put into it the destinations of Files and the
	// policy of PolicyFile; [Parse] has not.
	Config locator.Config
	// Files are patterns of [path/filepath.Match], of lists that package target reads.
	Files []string
	// PolicyFile is the path of the policy, or "".
	PolicyFile string
	// Way is how probes are sent: "auto", "raw" or "queue".
	Way string
}

// ways are what locator.way can be, the default first.
var ways = []string{"auto", "raw", "queue"}

// DefaultDiscoverTop is how many destinations are found if locator.discover does not say.
const DefaultDiscoverTop = 20

// decodeLocator returns nil only if n is no mapping.
func decodeLocator(d *decoder, n *yaml.Node) *Locator {
	l := &Locator{Way: ways[0]}
	c := &l.Config
	found := d.Found()
	d.Mapping(n, "locator", yamlfile.Keys{
		"destinations": func(n *yaml.Node) { decodeDestinations(d, n) },
		"files":        func(n *yaml.Node) { l.Files = d.Paths(n, "locator.files") },
		"discover":     func(n *yaml.Node) { c.Discover = decodeDiscover(d, n) },
		"interval":     func(n *yaml.Node) { c.Interval = d.Duration(n, time.Second, time.Hour) },
		"timeout":      func(n *yaml.Node) { c.Timeout = d.Duration(n, 100*time.Millisecond, 30*time.Second) },
		"rate":         func(n *yaml.Node) { c.Rate = d.Integer(n, 1, 1000) },
		// A TTL of plan.End reaches the destination in any case.
		"max_ttl":  func(n *yaml.Node) { c.MaxTTL = d.Integer(n, 1, plan.End-1) },
		"names":    func(n *yaml.Node) { c.NoNames = !d.Boolean(n) },
		"mtu":      func(n *yaml.Node) { c.NoMTU = !d.Boolean(n) },
		"branches": func(n *yaml.Node) { c.NoBranches = !d.Boolean(n) },
		"position": func(n *yaml.Node) { c.Position, c.Country = decodePosition(d, n) },
		"policy":   func(n *yaml.Node) { l.PolicyFile = d.Path(n) },
		"history":  func(n *yaml.Node) { decodeHistory(d, n, c) },
		"way":      func(n *yaml.Node) { l.Way = ways[d.Choice(n, "way", ways...)] },
	})
	c.Destinations = d.destinations.all
	// What is wrong in itself may be what was meant to name some.
	if d.Found() == found && len(c.Destinations) == 0 && len(l.Files) == 0 && c.Discover.Top == 0 {
		d.Fault(n, "list some under destinations or in files, or find some: discover: {top: 20}", "locator without a destination")
	}
	return l
}

func decodeDiscover(d *decoder, n *yaml.Node) locator.Discover {
	discover := locator.Discover{Top: DefaultDiscoverTop}
	d.Mapping(n, "locator.discover", yamlfile.Keys{
		"top": func(n *yaml.Node) { discover.Top = d.Integer(n, 1, locator.MaxDestinations) },
		"protocol": func(n *yaml.Node) {
			protocols := []wire.Protocol{wire.ICMP, wire.UDP, wire.TCP}
			discover.Protocol = protocols[d.Choice(n, "protocol", "icmp", "udp", "tcp")]
		},
		"ipv4_prefix": func(n *yaml.Node) { discover.IPv4Bits = d.Integer(n, 1, 32) },
		"ipv6_prefix": func(n *yaml.Node) { discover.IPv6Bits = d.Integer(n, 1, 128) },
		"private":     func(n *yaml.Node) { discover.Private = d.Boolean(n) },
		// Whom a host talks to is a matter of minutes, and to read many connections takes
		// a while.
		"every": func(n *yaml.Node) { discover.Every = d.Duration(n, 10*time.Second, time.Hour) },
	})
	return discover
}

// decodePosition returns where this host is: a point, a country or both.
func decodePosition(d *decoder, n *yaml.Node) (point *judge.Position, country string) {
	var (
		p        judge.Position
		lat, lon *yaml.Node
	)
	d.Mapping(n, "locator.position", yamlfile.Keys{
		"latitude":  func(n *yaml.Node) { lat, p.Latitude = n, d.Number(n, -90, 90) },
		"longitude": func(n *yaml.Node) { lon, p.Longitude = n, d.Number(n, -180, 180) },
		"country":   func(n *yaml.Node) { country = d.country(n) },
	})
	switch {
	case lat != nil && lon != nil:
		return &p, country
	case lat != nil:
		d.Fault(lat, "add the longitude", "a latitude without a longitude")
	case lon != nil:
		d.Fault(lon, "add the latitude", "a longitude without a latitude")
	}
	return nil, country
}

func decodeHistory(d *decoder, n *yaml.Node, c *locator.Config) {
	var path *yaml.Node
	d.Mapping(n, "locator.history", yamlfile.Keys{
		"path":     func(n *yaml.Node) { path, c.History = n, d.Path(n) },
		"max_size": func(n *yaml.Node) { c.HistoryBytes = d.Size(n, 1<<20, 1<<40) },
		"max_age":  func(n *yaml.Node) { c.HistoryAge = d.Duration(n, time.Hour, 10*365*24*time.Hour) },
	})
	if n.Kind == yaml.MappingNode && path == nil {
		d.Fault(n, "name the folder: path: /var/lib/packetscope/locator", "history without a path")
	}
}
