package collector

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/wire"
)

// hostileTexts are what routers may call themselves.
var hostileTexts = []string{
	"", "other", "a\nb", `"} 1` + "\npacketscope_up 0\n#", `\`, "\xff\xfe", "\x00", "\u202e\u200b", strings.Repeat("x", 10_000),
	strings.Repeat("é", 200), "' OR 1=1 --", "<script>alert(1)</script>", "{{ .Labels }}", "${dest}", " ", "é\xc3",
}

// hostileTTLs is how long the paths are that change.
const hostileTTLs = 6

// hostilePaths changes the paths to some destinations, and tells what an engine would.
type hostilePaths struct {
	rng      *rand.Rand
	snapshot *locator.Snapshot
	at       time.Time
}

func newHostilePaths(destinations int) *hostilePaths {
	h := &hostilePaths{rng: rand.New(rand.NewPCG(5, 6)), at: stopped()}
	s := hostPath(Host{Destinations: destinations, PathTTLs: hostileTTLs, PathHops: hostileTTLs, PathRules: 3, LocatorFiles: 2}, true)
	h.snapshot = s
	return h
}

func (h *hostilePaths) text() string {
	return hostileTexts[h.rng.IntN(len(hostileTexts))] + strings.Repeat("~", h.rng.IntN(3)) + fmt.Sprint(h.rng.IntN(1e6))[h.rng.IntN(2):]
}

// next moves each path to other routers, with other names, and goes on by ten seconds.
// Routers of before are there for ten minutes more.
func (h *hostilePaths) next() *locator.Snapshot {
	h.at = h.at.Add(10 * time.Second)
	s := *h.snapshot
	s.At = h.at
	s.Paths = append([]locator.Path(nil), s.Paths...)
	for i := range s.Paths {
		h.move(&s.Paths[i])
	}
	s.Self.Late++
	h.snapshot = &s
	return h.snapshot
}

func (h *hostilePaths) move(p *locator.Path) {
	var hops []locator.Hop
	for _, old := range p.Hops {
		if old.Primary = false; h.at.Sub(old.LastSeen) <= 10*time.Minute {
			old.Name = h.text() // and the one who has the name can change it
			hops = append(hops, old)
		}
	}
	p.Links = nil
	last := netip.Addr{}
	for ttl := 1; ttl <= hostileTTLs; ttl++ {
		b := [16]byte{0: 0x20, 1: 0x01, 15: byte(h.rng.Uint32()), 14: byte(h.rng.Uint32()), 13: byte(h.rng.Uint32())}
		e := placed(h.rng.Float64()*200-100, h.rng.Float64()*400-200, h.text(), h.text())
		e.Name, e.Label = h.text(), h.text()
		hop := hopOn(ttl, "192.0.2.1", true)
		hop.Addr, hop.Entry, hop.Name, hop.LastSeen = netip.AddrFrom16(b), e, h.text(), h.at
		hop.Labels = []wire.Label{{Value: h.rng.Uint32N(1 << 20)}}
		hop.Blocklisted = geo.State(h.rng.IntN(3))
		hops = append(hops, hop)
		p.Links = append(p.Links, locator.Link{From: last, To: hop.Addr})
		last = hop.Addr
	}
	p.Hops = hops
	p.Address, p.Place = last, hops[len(hops)-1].Entry
	p.BlockedReason = h.text()
	p.End.Sent++
	p.End.RTT.Add(time.Duration(h.rng.IntN(1e9)))
	p.Changes = map[string]uint64{"ip": p.Changes["ip"] + 1}
	p.TTLs = append([]locator.TTL(nil), p.TTLs...)
	for i := range p.TTLs {
		p.TTLs[i].Sent++
	}
	for i := range p.Rules {
		p.Rules[i].State = []policy.State{policy.OK, policy.Violated, policy.Unknown}[h.rng.IntN(3)]
	}
}

// TestHostilePathsCostNoMoreThanTheirCap changes paths two thousand times, by routers
// that do their worst.
func TestHostilePathsCostNoMoreThanTheirCap(t *testing.T) {
	const destinations, changes = 2, 2000
	world := newHostilePaths(destinations)
	r, c := newPaths(DefaultSeriesLimit)
	set := NewSet(quiet, stopped, c)
	counters := make(map[string]float64)
	hours := make(map[string]map[string]bool) // label sets of hops, by what has them
	for n := range changes {
		r.snapshot = world.next()
		for _, f := range gatherFrom(t, set) {
			family, ok := metric.Lookup(f.GetName())
			if !ok || family.Collector != metric.CollectorPath {
				continue
			}
			if got := seriesIn(f); family.MostSeries > 0 && got > family.MostSeries || family.HasLabel("hop") && len(f.Metric) > destinations*hostileTTLs*(maxTTLHops+1) {
				t.Fatalf("change %d: %s has %d series", n, f.GetName(), got)
			}
			for _, m := range f.Metric {
				checkHostile(t, family, m, counters)
				if family.HasLabel("hop") || family.HasLabel("source") {
					of := family.Name + " " + label(m, "dest")
					if hours[of] == nil {
						hours[of] = make(map[string]bool)
					}
					hours[of][seriesKey(family, m)] = true
				}
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	// 2000 changes take 5.6 hours. Of a new hop nothing may be told at first.
	for of, sets := range hours {
		most := 6*maxNewHops + hostileTTLs
		if strings.HasPrefix(of, metric.LocatorHopInfo.Name) {
			most *= 2
		}
		if len(sets) > most {
			t.Errorf("%s had %d label sets, want at most %d", of, len(sets), most)
		}
	}
	if len(hours) != 9*destinations {
		t.Errorf("label sets of %d families and destinations", len(hours))
	}
	for reason, n := range valuesOf(t, c, metric.LocatorOverflow, "reason") {
		if want := reason == "ttl" || reason == "hour"; (n > 0) != want {
			t.Errorf("%v label sets without series for the reason %s", n, reason)
		}
	}
}

// checkHostile checks the labels of a series, and that it did not fall.
func checkHostile(t *testing.T, f *metric.Family, m *dto.Metric, counters map[string]float64) {
	t.Helper()
	for _, pair := range m.Label {
		if fault := faultOf(pair.GetValue(), 64); fault != "" {
			t.Errorf("%s: %s=%q %s", f.Name, pair.GetName(), pair.GetValue(), fault)
		}
	}
	value := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount()+m.GetSummary().GetSampleCount())
	key := seriesKey(f, m)
	if value < counters[key] {
		t.Errorf("%s fell from %v to %v", key, counters[key], value)
	}
	counters[key] = value
}

// seriesKey tells series apart.
func seriesKey(f *metric.Family, m *dto.Metric) string {
	var b strings.Builder
	b.WriteString(f.Name)
	for _, pair := range m.Label {
		b.WriteByte(0)
		b.WriteString(pair.GetValue())
	}
	return b.String()
}
