package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/wire"
)

// locateFlags hold the command line of locate run.
type locateFlags struct {
	destinations                     *[]string
	protocol                         *string
	icmp, udp, tcp                   *bool
	port                             *int
	v4, v6                           *bool
	interval, timeout                *time.Duration
	count, maxTTL, rate              *int
	once, report, asJSON             *bool
	names, mtu, branches             *bool
	way                              *string
	databases, overrides, blocklists *[]string
	policy, position                 *string
}

func newLocateFlags(command *kingpin.CmdClause) locateFlags {
	return locateFlags{
		destinations: command.Arg("destination", "Names or addresses, also as icmp://HOST, udp://HOST:PORT or tcp://HOST:PORT.").Required().Strings(),
		protocol:     command.Flag("protocol", "What probes are of, for destinations that do not say: icmp, udp or tcp.").Default("icmp").Enum("icmp", "udp", "tcp"),
		icmp:         command.Flag("icmp", "The same as --protocol=icmp.").Short('I').Bool(),
		udp:          command.Flag("udp", "The same as --protocol=udp.").Short('U').Bool(),
		tcp:          command.Flag("tcp", "The same as --protocol=tcp.").Short('T').Bool(),
		port:         command.Flag("port", "The port of UDP (33434) or TCP (443), for destinations that do not say.").Short('p').Int(),
		v4:           command.Flag("ipv4", "Addresses of IPv4 only.").Short('4').Bool(),
		v6:           command.Flag("ipv6", "Addresses of IPv6 only.").Short('6').Bool(),
		interval:     command.Flag("interval", "The time from round to round.").Short('i').Default("1s").Duration(),
		count:        command.Flag("count", "End after so many rounds; 0 for never. With --report, or if the output is no terminal, 10 by default.").Short('c').Default("0").Int(),
		once:         command.Flag("once", "End after the first round, and at the latest after 4.5s.").Bool(),
		report:       command.Flag("report", "Print nothing until the end.").Short('r').Bool(),
		asJSON:       command.Flag("json", "Print JSON, one object a line: each interval, or with --report or --once the last alone.").Bool(),
		maxTTL:       command.Flag("max-ttl", "The greatest TTL that is probed one by one.").Short('m').Default("30").Int(),
		timeout:      command.Flag("timeout", "How long an answer is waited for; by default 3s, with --once 1s.").Duration(),
		rate:         command.Flag("rate", "Packets that are sent in any second at most.").Default("100").Int(),
		names:        command.Flag("names", "Look up the names of hops (reverse DNS).").Default("true").Bool(),
		mtu:          command.Flag("mtu", "Look for the largest packet that gets through.").Default("true").Bool(),
		branches:     command.Flag("branches", "Look for all branches, not only for those that a few flows take.").Default("true").Bool(),
		way:          command.Flag("way", "How probes are sent: raw sockets (CAP_NET_RAW), queue (error queues, without privileges), or auto.").Default("auto").Enum(locateWays...),
		databases:    command.Flag("database", "A database of places or networks (.mmdb); may be repeated, and the first that knows something counts.").PlaceHolder("FILE").Strings(),
		overrides:    command.Flag("override", "A YAML or CSV file of own networks, which count before the databases; may be repeated.").PlaceHolder("FILE").Strings(),
		blocklists:   command.Flag("blocklist", "A list of prefixes or AS numbers to beware of, such as Spamhaus's DROP; may be repeated.").PlaceHolder("FILE").Strings(),
		policy:       command.Flag("policy", "Rules for paths, in YAML; see go doc ./internal/locator/policy.").PlaceHolder("FILE").String(),
		position:     command.Flag("position", "Where this host is, in degrees, and its country: --position=52.52,13.40,DE.").PlaceHolder("LAT,LON[,CC]").String(),
	}
}

// A locateSetup is what an engine is opened with.
type locateSetup struct {
	config     locator.Config
	way        string
	atlas      *geo.Atlas      // nil without files
	blocklists *geo.Blocklists // nil without files
}

// setup reads the files that the flags name. Faults of files have been printed if the
// error is an exitError.
func (f locateFlags) setup(e env) (locateSetup, error) {
	config, err := f.config()
	if err != nil {
		return locateSetup{}, err
	}
	setup := locateSetup{config: config, way: *f.way}
	if *f.policy != "" {
		data, err := os.ReadFile(*f.policy)
		if err != nil {
			return locateSetup{}, err
		}
		if setup.config.Policy, err = policy.Parse(*f.policy, data); err != nil {
			return locateSetup{}, failWith(e.stderr, err)
		}
	}
	if len(*f.databases)+len(*f.overrides) > 0 {
		if setup.atlas, err = loadAtlas(e, *f.databases, *f.overrides); err != nil {
			return locateSetup{}, err
		}
	}
	if len(*f.blocklists) > 0 {
		setup.blocklists = geo.OpenBlocklists(geo.BlockConfig{Files: *f.blocklists, Now: e.now})
		if err := setup.blocklists.Err(); err != nil {
			return locateSetup{}, failWith(e.stderr, err)
		}
	}
	return setup, nil
}

// config returns what to measure.
func (f locateFlags) config() (locator.Config, error) {
	c := locator.Config{
		Interval: *f.interval, Timeout: f.patience(), Rate: *f.rate, DestinationRate: *f.rate, MaxTTL: *f.maxTTL,
		NoNames: !*f.names, NoMTU: !*f.mtu, NoBranches: !*f.branches,
	}
	if err := f.check(); err != nil {
		return c, err
	}
	var err error
	if c.Position, c.Country, err = parsePosition(*f.position); err != nil {
		return c, err
	}
	c.Destinations, err = f.parseDestinations()
	return c, err
}

// patience is how long an answer is waited for.
func (f locateFlags) patience() time.Duration {
	switch {
	case *f.timeout != 0:
		return *f.timeout
	case *f.once:
		return time.Second
	}
	return 3 * time.Second
}

// shortestRound keeps routers from being asked too often.
const shortestRound = 100 * time.Millisecond

func (f locateFlags) check() error {
	protocols := 0
	for _, set := range []bool{*f.icmp, *f.udp, *f.tcp} {
		if set {
			protocols++
		}
	}
	switch {
	case protocols > 1:
		return errors.New("--icmp, --udp and --tcp exclude each other (write protocols before destinations: tcp://HOST)")
	case *f.v4 && *f.v6:
		return errors.New("--ipv4 and --ipv6 exclude each other")
	case *f.interval < shortestRound || *f.timeout < 0:
		return fmt.Errorf("--interval must be %v or more, --timeout cannot be negative", shortestRound)
	case *f.count < 0:
		return errors.New("--count cannot be negative")
	case *f.once && *f.count > 1:
		return errors.New("--once is one round, --count asks for more")
	case *f.maxTTL < 1 || *f.maxTTL > 64:
		return errors.New("--max-ttl must be from 1 to 64")
	case *f.rate < 1 || *f.rate > 1000:
		return errors.New("--rate must be from 1 to 1000 packets per second")
	case *f.port < 0 || *f.port > 65535:
		return errors.New("--port must be from 1 to 65535")
	}
	return nil
}

// defaultProtocol is that of destinations that do not say.
func (f locateFlags) defaultProtocol() wire.Protocol {
	name := *f.protocol
	for other, set := range map[string]bool{"icmp": *f.icmp, "udp": *f.udp, "tcp": *f.tcp} {
		if set {
			name = other
		}
	}
	return map[string]wire.Protocol{"icmp": wire.ICMP, "udp": wire.UDP, "tcp": wire.TCP}[name]
}

func (f locateFlags) family() int {
	switch {
	case *f.v4:
		return 4
	case *f.v6:
		return 6
	}
	return 0
}

// watch returns what is shown, which is one report at the end if nobody looks.
func (f locateFlags) watch(screen screen) pathWatch {
	const roundsOfReport, roundsOfOnce = 10, 1
	w := pathWatch{
		rounds: *f.count, interval: *f.interval, timeout: f.patience(), look: min(*f.interval, 500*time.Millisecond), // snapshots change each second at most
		asJSON: *f.asJSON, screen: screen,
		live: !*f.report && !*f.once && (*f.asJSON || screen.terminal),
		// A discovery waits for silent routers twice: for the last ones and for those
		// that the bisection asks.
		patience: 15*time.Second + 5*f.patience(),
	}
	if *f.once {
		w.rounds, w.look, w.limit = roundsOfOnce, 100*time.Millisecond, 4500*time.Millisecond
	} else if w.rounds == 0 && !w.live {
		w.rounds = roundsOfReport
	}
	return w
}

// parsePosition reads "LAT,LON" or "LAT,LON,CC"; "" is nowhere.
func parsePosition(text string) (*judge.Position, string, error) {
	if text == "" {
		return nil, "", nil
	}
	bad := fmt.Errorf("bad position %q: want degrees north and east, and maybe a country, such as --position=52.52,13.40,DE", text)
	parts := strings.Split(text, ",")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, "", bad
	}
	latitude, err1 := strconv.ParseFloat(parts[0], 64)
	longitude, err2 := strconv.ParseFloat(parts[1], 64)
	if errors.Join(err1, err2) != nil || !(geo.Point{Latitude: latitude, Longitude: longitude}).Valid() {
		return nil, "", bad
	}
	country := ""
	if len(parts) == 3 {
		country = strings.ToUpper(parts[2])
		if len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return nil, "", bad
		}
	}
	return &judge.Position{Latitude: latitude, Longitude: longitude}, country, nil
}
