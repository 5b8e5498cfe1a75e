package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A topReport is the JSON of guard top. Fields may be added to it; none is renamed or
// removed.
type topReport struct {
	Time time.Time `json:"time"`
	// Seconds is the time that rates are over.
	Seconds    float64    `json:"seconds"`
	Generation uint32     `json:"generation"`
	Ceiling    string     `json:"ceiling"`
	Tripped    bool       `json:"tripped"`
	ConfirmBy  *time.Time `json:"confirm_by,omitempty"`
	// Passed and so on are all packets: see guard status --json.
	Passed     topCounts `json:"passed"`
	Dropped    topCounts `json:"dropped"`
	WouldDrop  topCounts `json:"would_drop"`
	Unmatched  topCounts `json:"unmatched"`
	Unparsable topCounts `json:"unparsable"`
	// The tables have the first rows in the order asked for. Feeds, services and ICMP are not
	// told apart by rule and source: with --rule or --source they are empty.
	Rules    []topRule    `json:"rules"`
	Sources  []topSource  `json:"sources"`
	Feeds    []topFeed    `json:"feeds"`
	Services []topService `json:"services"`
	ICMP     []topICMP    `json:"icmp"`
	// Samples are the last packets that were copied, the newest last.
	Samples []guarder.Sample `json:"samples"`
	// SamplesLost are those that should have been copied and were not.
	SamplesLost uint64 `json:"samples_lost"`
}

// topCounts are since the counters were made, and the rates over the time of the
// report.
type topCounts struct {
	Packets          uint64  `json:"packets"`
	Bytes            uint64  `json:"bytes"`
	PacketsPerSecond float64 `json:"packets_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"`
}

// A topRule is a rule and one of its effects: "pass", "drop", "would_drop", "count" or
// "sample".
type topRule struct {
	Group  string `json:"group"`
	Rule   string `json:"rule"`
	Mode   string `json:"mode"`
	Effect string `json:"effect"`
	Place  string `json:"place"`
	topCounts
	LastMatch *time.Time `json:"last_match,omitempty"`
}

// A topFeed is a feed and one of its effects: "drop", "would_drop" or "count"; "none" if
// it was credited with nothing yet.
type topFeed struct {
	Feed    string `json:"feed"`
	Mode    string `json:"mode"`
	Effect  string `json:"effect"`
	Entries int    `json:"entries"`
	Place   string `json:"place"`
	topCounts
}

// A topSource is what a rule did to a source; an estimate under a flood.
type topSource struct {
	guarder.SourceStatus
	PacketsPerSecond float64 `json:"packets_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"`
}

// A topService is a port that dropped packets were for; an estimate under a flood.
type topService struct {
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
	Effect   string `json:"effect"`
	topCounts
}

// A topICMP is a type of ICMP that arrived.
type topICMP struct {
	guarder.ICMPStatus
	PacketsPerSecond float64 `json:"packets_per_second"`
}

// A topReporter makes reports, one after the other.
type topReporter struct {
	read   func() (guarder.Top, error)
	filter topFilter
	order  string
	rows   int
	// before is what the last report was made of; its Time is zero before the first.
	before guarder.Top
}

// report reads what there is now. After an error the next report is over the time
// since the one before it.
func (r *topReporter) report() (topReport, error) {
	now, err := r.read()
	if err != nil {
		return topReport{}, err
	}
	before := r.before
	if !before.Status.Since.Equal(now.Status.Since) {
		// Counters were made anew: nothing can be compared but their time.
		before = guarder.Top{Time: before.Time}
	}
	r.before = now
	v := topView{now: now, before: before, seconds: now.Time.Sub(before.Time).Seconds(), topReporter: r}
	return v.report(), nil
}

// A topView compares two looks.
type topView struct {
	*topReporter
	now, before guarder.Top
	seconds     float64
}

func (v *topView) report() topReport {
	s, b := &v.now.Status, &v.before.Status
	report := topReport{
		Time: v.now.Time.UTC(), Seconds: v.seconds, Generation: s.Generation, Ceiling: s.Ceiling, Tripped: s.Tripped, ConfirmBy: s.ConfirmBy,
		Passed: v.counts(s.Verdicts["pass"], b.Verdicts["pass"]), Dropped: v.counts(s.Verdicts["drop"], b.Verdicts["drop"]),
		WouldDrop: v.counts(s.WouldDrop, b.WouldDrop), Unmatched: v.counts(s.Unmatched, b.Unmatched),
		Unparsable: v.counts(total(s.Unparsable), total(b.Unparsable)),
		Rules:      v.rules(), Sources: v.sources(), Feeds: []topFeed{}, Services: []topService{}, ICMP: []topICMP{},
		Samples: v.samples(), SamplesLost: s.Samples.Lost,
	}
	if v.filter == (topFilter{}) {
		report.Feeds, report.Services, report.ICMP = v.feeds(), v.services(), v.icmp()
	}
	return report
}

func (v *topView) counts(now, before guarder.Counts) topCounts {
	return topCounts{now.Packets, now.Bytes, v.rate(now.Packets, before.Packets), v.rate(now.Bytes, before.Bytes)}
}

// rate is 0 for what fell, as a source that was forgotten and is back.
func (v *topView) rate(now, before uint64) float64 {
	if v.seconds <= 0 || now < before {
		return 0
	}
	return float64(now-before) / v.seconds
}

func total(by map[string]guarder.Counts) (sum guarder.Counts) {
	for _, n := range by {
		sum.Packets += n.Packets
		sum.Bytes += n.Bytes
	}
	return sum
}

func (v *topView) rules() []topRule {
	type key struct{ group, rule string }
	before := make(map[key]map[string]guarder.Counts)
	for _, r := range v.before.Status.Rules {
		before[key{r.Group, r.Rule}] = r.Counts
	}
	all := []topRule{}
	for _, r := range v.now.Status.Rules {
		if !v.filter.ofRule(r.Group, r.Rule) {
			continue
		}
		for effect, n := range r.Counts {
			counts := v.counts(n, before[key{r.Group, r.Rule}][effect])
			all = append(all, topRule{r.Group, r.Rule, r.Mode, effect, r.Place, counts, r.LastMatch})
		}
	}
	return first(v, all, func(r topRule) (topCounts, time.Time, string) {
		last := time.Time{}
		if r.LastMatch != nil {
			last = *r.LastMatch
		}
		return r.topCounts, last, r.Group + "/" + r.Rule + " " + r.Effect
	})
}

func (v *topView) feeds() []topFeed {
	before := make(map[string]map[string]guarder.Counts)
	for _, f := range v.before.Status.Feeds {
		before[f.Feed] = f.Counts
	}
	all := []topFeed{}
	for _, f := range v.now.Status.Feeds {
		for effect, n := range f.Counts {
			all = append(all, topFeed{f.Feed, f.Mode, effect, f.Entries, f.Place, v.counts(n, before[f.Feed][effect])})
		}
		if len(f.Counts) == 0 {
			all = append(all, topFeed{Feed: f.Feed, Mode: f.Mode, Effect: "none", Entries: f.Entries, Place: f.Place})
		}
	}
	return first(v, all, func(f topFeed) (topCounts, time.Time, string) {
		return f.topCounts, time.Time{}, f.Feed + " " + f.Effect
	})
}

func (v *topView) sources() []topSource {
	type key struct{ source, group, rule string }
	before := make(map[key]guarder.SourceStatus)
	for _, s := range v.before.Sources {
		before[key{s.Source, s.Group, s.Rule}] = s
	}
	all := []topSource{}
	for _, s := range v.now.Sources {
		if !v.filter.ofRule(s.Group, s.Rule) || !v.filter.ofSource(s.Source) {
			continue
		}
		b := before[key{s.Source, s.Group, s.Rule}]
		all = append(all, topSource{s, v.rate(s.Packets, b.Packets), v.rate(s.Bytes, b.Bytes)})
	}
	return first(v, all, func(s topSource) (topCounts, time.Time, string) {
		return topCounts{s.Packets, s.Bytes, s.PacketsPerSecond, s.BytesPerSecond}, s.Last, s.Source + " " + s.Group + "/" + s.Rule
	})
}

func (v *topView) services() []topService {
	type key struct {
		protocol string
		port     uint16
	}
	before := make(map[key]map[string]guarder.Counts)
	for _, s := range v.before.Status.Services {
		before[key{s.Protocol, s.Port}] = s.Counts
	}
	all := []topService{}
	for _, s := range v.now.Status.Services {
		for effect, n := range s.Counts {
			all = append(all, topService{s.Protocol, s.Port, effect, v.counts(n, before[key{s.Protocol, s.Port}][effect])})
		}
	}
	return first(v, all, func(s topService) (topCounts, time.Time, string) {
		return s.topCounts, time.Time{}, s.name() + s.Effect
	})
}

func (v *topView) icmp() []topICMP {
	type key struct{ family, kind uint8 }
	before := make(map[key]uint64)
	for _, m := range v.before.Status.ICMP {
		before[key{m.Family, m.Type}] = m.Packets
	}
	all := []topICMP{}
	for _, m := range v.now.Status.ICMP {
		all = append(all, topICMP{m, v.rate(m.Packets, before[key{m.Family, m.Type}])})
	}
	return first(v, all, func(m topICMP) (topCounts, time.Time, string) {
		return topCounts{Packets: m.Packets, PacketsPerSecond: m.PacketsPerSecond}, time.Time{}, m.name()
	})
}

func (v *topView) samples() []guarder.Sample {
	all := slices.DeleteFunc(slices.Clone(v.now.Samples), func(s guarder.Sample) bool {
		source := ""
		if v.filter.source.IsValid() {
			if p := packet.Parse(s.Frame); p.Source.IsValid() {
				source = p.Source.String()
			}
		}
		return !v.filter.ofRule(s.Group, s.Rule) || !v.filter.ofSource(source)
	})
	if v.rows > 0 && len(all) > v.rows {
		all = all[len(all)-v.rows:]
	}
	return append([]guarder.Sample{}, all...)
}

// first returns the first rows of a table in the order asked for; of tells what it is
// sorted by, and a name that no other row has.
func first[T any](v *topView, all []T, of func(T) (topCounts, time.Time, string)) []T {
	slices.SortFunc(all, func(a, b T) int {
		x, lastX, nameX := of(a)
		y, lastY, nameY := of(b)
		order := 0
		switch v.order {
		case "rate":
			order = cmp.Compare(y.PacketsPerSecond, x.PacketsPerSecond)
		case "bytes":
			order = cmp.Compare(y.Bytes, x.Bytes)
		case "last":
			order = lastY.Compare(lastX)
		}
		return cmp.Or(order, cmp.Compare(y.Packets, x.Packets), strings.Compare(nameX, nameY))
	})
	if v.rows > 0 && len(all) > v.rows {
		return all[:v.rows]
	}
	return all
}
