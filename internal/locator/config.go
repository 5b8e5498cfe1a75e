package locator

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/wire"
)

// MaxDestinations is the most destinations that an engine measures, those that it found
// itself included.
const MaxDestinations = 64

// A Config says what to measure and how. The zero value of a field means its default.
type Config struct {
	// Destinations have different names.
	Destinations []Destination
	Discover     Discover

	// Interval is the time from round to round: 10 s.
	Interval time.Duration
	// Timeout is how long an answer is waited for: 3 s.
	Timeout time.Duration
	// Rate is how many packets are sent in any second at most: 100.
	Rate int
	// DestinationRate is how many packets per second are sent to one destination: 2. Who
	// looks at a path that is measured more often wants more.
	DestinationRate int
	// MaxTTL is the greatest TTL that is probed one by one: 30.
	MaxTTL int
	// Resolve is how often names are resolved again: 5 min.
	Resolve time.Duration
	// NoNames leaves out the names of hops (reverse DNS), NoMTU the path MTU, and
	// NoBranches the enumeration of branches.
	NoNames, NoMTU, NoBranches bool

	// Position is where this host is; nil: where a database has its public address.
	Position *judge.Position
	// Country is where this host is, as ISO code; "": where a database has it.
	Country string
	// Policy is what paths may be; nil: [policy.Default].
	Policy *policy.Policy
	// History is the folder of the history; "": none is kept.
	History      string
	HistoryBytes int64         // 64 MiB
	HistoryAge   time.Duration // 90 days
}

// A Destination is what to measure a path to.
type Destination struct {
	// Name tells destinations apart, also in labels.
	Name string
	// Host is a name or an address.
	Host     string
	Protocol wire.Protocol
	// Port is of UDP or TCP; 0: 33434 and 443.
	Port uint16
	// Family is 4 or 6, or 0: whichever the name has, 4 first as does the host itself.
	Family int
	// Found is set for those that the engine found itself.
	Found bool
}

// The ports of [Destination.Port] 0: the first of those for traceroute (services of
// IANA), and that of HTTPS.
const (
	DefaultUDPPort = 33434
	DefaultTCPPort = 443
)

// String returns the destination as a URL, such as "tcp://example.com:443".
func (d Destination) String() string {
	if d.Protocol == wire.ICMP {
		return "icmp://" + strings.TrimSuffix(net.JoinHostPort(d.Host, ""), ":")
	}
	return fmt.Sprintf("%v://%s", d.Protocol, net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port))))
}

// Discover says which destinations are found by whom this host talks to.
type Discover struct {
	// Top is how many remote networks with most bytes are measured; 0: none.
	Top int
	// Protocol is that of the probes; 0: ICMP. TCP goes to the port of the connection.
	Protocol wire.Protocol
	// IPv4Bits and IPv6Bits are the lengths of prefixes that make one network:
	// [DefaultIPv4Bits] and [DefaultIPv6Bits].
	IPv4Bits, IPv6Bits int
	// Every is how often connections are looked at: 1 min.
	Every time.Duration
	// Private also takes addresses that are not public.
	Private bool
}

// The lengths of the networks that are told apart: no longer prefixes are announced in the
// Internet.
const (
	DefaultIPv4Bits = 24
	DefaultIPv6Bits = 48
)

// withDefaults returns the config with its defaults filled in.
func (c Config) withDefaults() Config {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&c.Interval, 10*time.Second)
	set(&c.Timeout, 3*time.Second)
	set(&c.Resolve, 5*time.Minute)
	set(&c.HistoryAge, 90*24*time.Hour)
	set(&c.Discover.Every, time.Minute)
	for _, n := range []struct {
		field *int
		value int
	}{{&c.Rate, 100}, {&c.DestinationRate, 2}, {&c.MaxTTL, 30}, {&c.Discover.IPv4Bits, DefaultIPv4Bits}, {&c.Discover.IPv6Bits, DefaultIPv6Bits}} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	if c.HistoryBytes == 0 {
		c.HistoryBytes = 64 << 20
	}
	if c.Policy == nil {
		c.Policy = policy.Default()
	}
	if c.Discover.Protocol == 0 {
		c.Discover.Protocol = wire.ICMP
	}
	c.Destinations = slices.Clone(c.Destinations)
	for i := range c.Destinations {
		c.Destinations[i] = c.Destinations[i].withDefaults()
	}
	return c
}

func (d Destination) withDefaults() Destination {
	if d.Protocol == 0 {
		d.Protocol = wire.ICMP
	}
	switch {
	case d.Protocol == wire.ICMP:
		d.Port = 0
	case d.Port == 0 && d.Protocol == wire.UDP:
		d.Port = DefaultUDPPort
	case d.Port == 0:
		d.Port = DefaultTCPPort
	}
	if d.Name == "" {
		d.Name = d.Host
	}
	return d
}
