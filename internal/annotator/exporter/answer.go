package exporter

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
)

// A topAnswer is what is read of /api/v1/guarder/top. The pointers tell it from JSON of
// somebody else, which lacks them.
type topAnswer struct {
	Seconds *float64     `json:"seconds"`
	Sources *[]topSource `json:"sources"`
	Total   *topCounts   `json:"total"`
}

type topCounts struct {
	Dropped        uint64  `json:"dropped"`
	WouldDrop      uint64  `json:"would_drop"`
	DropsPerSecond float64 `json:"drops_per_second"`
}

type topSource struct {
	Source string `json:"source"`
	topCounts
	Rules []struct {
		Group  string `json:"group"`
		Rule   string `json:"rule"`
		Effect string `json:"effect"`
	} `json:"rules"`
}

// mostRate is more packets per second than any host can receive, and mostCount more packets
// than can have been counted: larger numbers are none.
const (
	mostRate  = 1e12
	mostCount = 1 << 62
)

func (c topCounts) fault() error {
	if c.Dropped > mostCount || c.WouldDrop > mostCount || !(c.DropsPerSecond >= 0 && c.DropsPerSecond <= mostRate) {
		return fmt.Errorf("counts that cannot be")
	}
	return nil
}

// offenders returns at most so many sources, in the order of the exporter.
func (a topAnswer) offenders(most int) (evidence.Offenders, error) {
	if a.Seconds == nil || a.Sources == nil || a.Total == nil {
		return evidence.Offenders{}, fmt.Errorf("the answer lacks seconds, sources or total: is this the URL of an exporter?")
	}
	if !(*a.Seconds >= 0 && *a.Seconds < 3600) {
		return evidence.Offenders{}, fmt.Errorf("a time that cannot be")
	}
	if err := a.Total.fault(); err != nil {
		return evidence.Offenders{}, fmt.Errorf("the total has %w", err)
	}
	if len(*a.Sources) > most {
		return evidence.Offenders{}, fmt.Errorf("%d sources were asked for, and there are %d", most, len(*a.Sources))
	}
	out := evidence.Offenders{
		Over:  time.Duration(math.Round(*a.Seconds)) * time.Second,
		Drops: a.Total.Dropped + a.Total.WouldDrop, Rate: a.Total.DropsPerSecond,
	}
	seen := map[netip.Prefix]bool{}
	for i, s := range *a.Sources {
		if s.Source == "" {
			continue // frames without an address
		}
		source, err := network(s.Source)
		if err == nil && seen[source] {
			err = fmt.Errorf("a source that is there twice")
		}
		if err == nil {
			err = s.fault()
		}
		if err != nil {
			return evidence.Offenders{}, fmt.Errorf("source %d: %w", i+1, err)
		}
		seen[source] = true
		o := evidence.Offender{Source: source, Drops: s.Dropped + s.WouldDrop, Rate: s.DropsPerSecond, Dropped: s.Dropped > s.WouldDrop}
		for _, r := range s.Rules {
			if r.Effect == "drop" || r.Effect == "would_drop" {
				o.Group, o.Rule = word(r.Group), word(r.Rule)
				break // the busiest is the first one
			}
		}
		out.Sources = append(out.Sources, o)
	}
	return out, nil
}

// word returns a name that has the form of one, or "".
func word(name string) string {
	if !clean.IsWord(name) {
		return ""
	}
	return name
}

// network reads an address or a prefix, without showing it in the error.
func network(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() || p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("no address and no prefix")
	}
	return p, nil
}

// A flowAnswer is what is read of /api/v1/flows.
type flowAnswer struct {
	Flows []flow  `json:"flows"`
	Known *uint64 `json:"known"`
}

type flow struct {
	Remote          string `json:"remote"`
	ServicePort     uint16 `json:"service_port"`
	Protocol        string `json:"protocol"`
	Role            string `json:"role"`
	ReceivedPackets uint64 `json:"received_packets"`
	SentPackets     uint64 `json:"sent_packets"`
}

func (a flowAnswer) flows() ([]propose.Flow, error) {
	if a.Flows == nil || a.Known == nil {
		return nil, fmt.Errorf("the answer lacks flows or known: is this the URL of an exporter?")
	}
	var out []propose.Flow
	for i, f := range a.Flows {
		remote, err := network(f.Remote)
		switch {
		case err != nil:
		case !clean.IsWord(f.Protocol) || !clean.IsWord(f.Role):
			err = fmt.Errorf("no protocol, or no role")
		case f.ReceivedPackets > mostCount || f.SentPackets > mostCount:
			err = fmt.Errorf("counts that cannot be")
		}
		if err != nil {
			return nil, fmt.Errorf("flow %d: %w", i+1, err)
		}
		out = append(out, propose.Flow{
			Remote: remote, Port: f.ServicePort, Protocol: f.Protocol, Role: f.Role, Received: f.ReceivedPackets, Sent: f.SentPackets,
		})
	}
	return out, nil
}
