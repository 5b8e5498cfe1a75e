//go:build bench

package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// together are the ready-made policies that a host may have at once; one that is not
// there is left out, and told.
var together = []string{"baseline", "forged-icmp", "floods"}

// fedHosts is how many hosts the feed beside them lists.
const fedHosts = 100_000

// A combined policy is one of the steps up to all that a host may have.
type combined struct {
	name  string
	rules int
	lookup
}

// judgeTogether measures the ready-made policies, one added after the other, and at last
// a feed, beside parsing alone.
func judgeTogether(t *testing.T) section {
	s := bigSet{asIs: asIs4, strangers: any4, members: spread4, stranger: netip.MustParseAddr("198.51.100.7")}
	parse := combined{name: "parsing alone", lookup: s.plain(t, "bench_source_parse", nil)}
	steps, missing := s.steps(t)
	columns := []string{"one stranger", "strangers"}
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		for _, c := range append([]combined{parse}, steps...) {
			for _, column := range columns {
				runs := guardRuns
				if column == "strangers" {
					runs *= 10 // so that it does not matter what was in the caches before
				}
				verdict, perRun, err := c.programs[column].Benchmark(s.frame(s.stranger), runs, nil)
				if err != nil || column == "one stranger" && verdict != passes {
					t.Fatalf("%s: verdict %d, %v", c.name, verdict, err)
				}
				round[c.name+column] = float64(perRun)
			}
		}
		all = append(all, round)
	}
	rows := table{{"policy", "rules", "one packet", "of parsing", "different sources", "of parsing", "aim"}}
	for _, c := range append([]combined{parse}, steps...) {
		row := []string{c.name, fmt.Sprint(c.rules)}
		var one spread
		for _, column := range columns {
			took := over(all, func(r guardRound) float64 { return r[c.name+column] })
			ratio := over(all, func(r guardRound) float64 { return r[c.name+column] / r[parse.name+column] })
			if row = append(row, took.text(0), ratio.text(2)); column == columns[0] {
				one = ratio
			}
		}
		aim := ""
		if c.name == steps[len(steps)-1].name {
			aim = met(one.median <= aimedCommon)
		}
		rows = append(rows, append(row, aim))
	}
	text := fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns, test run and all: a TCP packet that passes, over and over,
and such packets from sources anywhere in IPv4, which the program makes up. Policies are added one after the other,
and at last a feed that lists %d hosts everywhere. All programs take turns, so ratios stand for themselves on
a busy machine; the aim is %.0f times parsing alone, for one packet and all of them.`, guardRuns, fedHosts, aimedCommon)
	if missing != nil {
		text += "\nNot there, and so not measured: " + strings.Join(missing, ", ") + "."
	}
	return section{title: "Guarder: ready-made policies together", text: text, table: rows}
}

// passes is the verdict of a packet that passes.
const passes = 2

// steps loads the policies, and tells which are not there.
func (s *bigSet) steps(t *testing.T) (all []combined, missing []string) {
	var files, names []string
	add := func(name string, p *policy.Policy, maps map[string]*ebpf.Map) {
		names = append(names, name)
		tables, err := compile.Compile(p, compile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, combined{strings.Join(names, ", "), len(p.Rules), s.load(t, "bench_source_policy", tables, maps)})
	}
	read := func() *policy.Policy {
		p, faults := policy.Load(files, policy.Options{})
		if p == nil {
			t.Fatal(faults)
		}
		return p
	}
	for _, name := range together {
		file := filepath.Join("../../rules/guarder", name+".yaml")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
			continue
		}
		files = append(files, file)
		add(name, read(), nil)
	}
	p := read()
	p.Feeds = []policy.Feed{{Name: "listed", Action: policy.Drop, Mode: policy.Enforce}}
	add("a feed", p, s.listed(t))
	return all, missing
}

// listed makes the maps of feeds, with a table of hosts everywhere.
func (s *bigSet) listed(t *testing.T) map[string]*ebpf.Map {
	state, err := compile.NewState(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range state {
		t.Cleanup(func() { m.Close() })
	}
	l := &feed.List{}
	var prefixes []netip.Prefix
	for n := range uint32(fedHosts) {
		prefixes = append(prefixes, s.members.member(n))
	}
	for _, prefix := range disjoint(prefixes) {
		l.Entries = append(l.Entries, feed.Entry{Prefix: prefix})
	}
	table, err := compile.NewFeedTable(feed.Join([]feed.Listed{{List: l}}, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if err := table.Install(state); err != nil {
		t.Fatal(err)
	}
	keepFeedMaps(state)
	return state
}
