//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// banned are how many are banned, and where.
var banned = []struct {
	name string
	crowd
}{
	{"nobody", crowd{"", spread4, 0}},
	{"1,024 everywhere", crowd{"", spread4, 1 << 10}},
	{"65,536 in 2,048 /24", crowd{"", crowded4, ban.Room}},
	{"65,536 everywhere", crowd{"", spread4, ban.Room}},
}

// A banCase is a program by who is banned and who sends.
type banCase struct {
	banned int // -1 does not look for bans
	column string
}

var banColumns = []string{"one stranger", "strangers", "one banned", "banned ones"}

// askBans measures what bans cost strangers, and those who are banned.
func askBans(t *testing.T) section {
	programs := banPrograms(t)
	var all []map[banCase]float64
	for range *rounds {
		round := make(map[banCase]float64)
		for c, p := range programs {
			f := datagram()
			if c.column == "one banned" {
				f.Source = spread4.member(1).Addr()
				if c.banned >= 0 {
					f.Source = banned[c.banned].from.member(1).Addr()
				}
			}
			runs := guardRuns
			if c.column == "strangers" || c.column == "banned ones" {
				runs *= 10
			}
			verdict, perRun, err := p.Benchmark(padded(f), runs, nil)
			if err != nil {
				t.Fatal(err)
			}
			isBanned := c.banned > 0 && (c.column == "one banned" || c.column == "banned ones")
			// A few strangers have an address that is banned.
			if drops := verdict != passes; drops != isBanned && c.column != "strangers" {
				t.Fatalf("%+v: verdict %d", c, verdict)
			}
			round[c] = float64(perRun)
		}
		all = append(all, round)
	}
	rows := table{{"banned", "packets of", "without bans", "bans add", "of without"}}
	for i, b := range banned {
		for _, column := range banColumns {
			if programs[banCase{i, column}] == nil {
				continue
			}
			here, base := banCase{i, column}, banCase{-1, without(column)}
			rows = append(rows, []string{
				b.name, column, over(all, func(r map[banCase]float64) float64 { return r[base] }).text(0),
				over(all, func(r map[banCase]float64) float64 { return r[here] - r[base] }).text(0),
				over(all, func(r map[banCase]float64) float64 { return r[here] / r[base] }).text(2),
			})
		}
	}
	return section{
		title: "Guarder: bans",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn of one source and ten times as many of others, in ns per run, test run and all, by a
policy without rules that passes everything, beside the same program that looks for no bans. Strangers are anywhere in
IPv4; who is banned is dropped, which the program beside it does not do. %d bans is all that there is room for. Where each of
them is in another /16, nearly all strangers share the first 16 bits of somebody who is banned, so that all of them are looked
up: the worst case. Bans in few networks are looked up by their neighbours alone.`, guardRuns, ban.Room),
		table: rows,
	}
}

// without is what a column is compared with, where nobody is banned.
func without(column string) string {
	switch column {
	case "one banned":
		return "one stranger"
	case "banned ones":
		return "strangers"
	}
	return column
}

// banPrograms loads one for each case.
func banPrograms(t *testing.T) map[banCase]*ebpf.Program {
	tables, err := compile.Compile(&policy.Policy{}, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	load := func(column string, of crowd, o compile.LoadOptions) *ebpf.Program {
		from := map[string]sourcing{"one stranger": asIs4, "one banned": asIs4, "strangers": any4, "banned ones": of.from}[column]
		return loadSourced(t, tables, "bench_source_policy", crowd{"", from, max(of.members, 1)}, o)
	}
	programs := make(map[banCase]*ebpf.Program)
	for _, column := range banColumns[:2] {
		programs[banCase{-1, column}] = load(column, crowd{}, compile.LoadOptions{State: newState(t)})
	}
	for i, b := range banned {
		state := newState(t)
		putBans(t, state, b.crowd)
		for _, column := range banColumns {
			if b.members == 0 && without(column) != column {
				continue // nobody is banned
			}
			programs[banCase{i, column}] = load(column, b.crowd, compile.LoadOptions{State: state, Bans: policy.Enforce})
		}
	}
	return programs
}

// putBans bans members of a crowd for an hour.
func putBans(t *testing.T, state map[string]*ebpf.Map, of crowd) {
	clock, err := ban.SystemClock()
	if err != nil {
		t.Fatal(err)
	}
	bans, err := compile.OpenBans(state)
	if err != nil {
		t.Fatal(err)
	}
	var rows []ban.Row
	for i := range of.members {
		rows = append(rows, ban.Row{Prefix: of.from.member(i), Until: clock.Boot() + time.Hour})
	}
	if err := bans.Set(rows); err != nil {
		t.Fatal(err)
	}
}
