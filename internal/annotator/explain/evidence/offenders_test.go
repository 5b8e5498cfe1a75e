package evidence

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// silentQuerier knows nothing.
type silentQuerier struct{}

func (silentQuerier) Query(context.Context, string, time.Time) ([]Sample, error) { return nil, nil }

func about(alert string, offenders func(context.Context) (Offenders, error)) Alert {
	return Alert{
		Labels:    map[string]string{"alertname": alert, "instance": "web-1:10142", "job": "packetscope", "verdict": "drop", "attack": "x"},
		Offenders: offenders,
		Place: func(a netip.Addr) Place {
			if a.IsPrivate() {
				return Place{Kind: "private"}
			}
			return Place{Kind: "public", Country: "DE", ASN: 64500}
		},
	}
}

func gatherAbout(ctx context.Context, a Alert) (*fact.Set, *handle.Table) {
	table := &handle.Table{}
	return Gather(ctx, silentQuerier{}, a, table, time.Unix(1e9, 0), Defaults), table
}

// factsOf returns the facts and gaps that are about offenders, as lines.
func factsOf(set *fact.Set) (lines []string) {
	for _, f := range set.Facts {
		lines = append(lines, fmt.Sprint(f.ID, " ", f.Name, " ", f.Show(), " ", f.Of, " ", f.Window, f.Query))
	}
	for _, g := range set.Gaps {
		if g.Name == OffenderRate {
			lines = append(lines, string("gap "+g.Why))
		}
	}
	return lines
}

func TestOffendersAreFacts(t *testing.T) {
	source := netip.MustParsePrefix
	set, table := gatherAbout(t.Context(), about("PacketScopeGuardForgedICMP", func(context.Context) (Offenders, error) {
		return Offenders{Over: time.Second, Drops: 5530, Rate: 300, Sources: []Offender{
			{Source: source("203.0.113.66/32"), Drops: 5400, Rate: 240, Dropped: true, Group: "forged-icmp", Rule: "ptb"},
			{Source: source("2001:db8:1:2::/64"), Drops: 90, Rate: 60},
			{Source: source("192.0.2.1/32")}, // it is only counted
			{Source: source("10.1.2.3/32"), Drops: 40},
		}}, nil
	}))
	want := []string{
		"F1 offenders 240 packets per second [{asn 64500} {country DE} {group forged-icmp} {kind public} {remote S1} {rule ptb} {verdict drop}] 1s",
		"F2 offenders 60 packets per second [{asn 64500} {country DE} {kind public} {remote S2} {verdict would_drop}] 1s",
		"F3 offenders 0 packets per second [{kind private} {remote S3} {verdict would_drop}] 1s",
		"F4 offender_share 80 % [{remote S1}] 0s",
		"F5 offender_share 20 % [{remote S2}] 0s",
		"F6 offender_share 0 % [{remote S3}] 0s",
		"F7 offender_drops 5400 [{remote S1}] 0s",
		"F8 offender_drops 90 [{remote S2}] 0s",
		"F9 offender_drops 40 [{remote S3}] 0s",
		"F10 offenders_inside 1 [] 0s",
	}
	if diff := cmp.Diff(want, factsOf(set)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"S1": "203.0.113.66", "S2": "2001:db8:1:2::/64", "S3": "10.1.2.3"} {
		if _, got, _ := table.Value(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if set.Withheld != 1 {
		t.Errorf("%d labels withheld, want only job", set.Withheld)
	}
}

// TestWhatAnExporterDoesNotTellIsAGap, but for alerts that may be of hosts without Guarder.
func TestWhatAnExporterDoesNotTellIsAGap(t *testing.T) {
	fails := func(err error) func(context.Context) (Offenders, error) {
		return func(context.Context) (Offenders, error) {
			return Offenders{Rate: 1, Sources: []Offender{{Drops: 1}}}, err
		}
	}
	for name, c := range map[string]struct {
		offenders func(context.Context) (Offenders, error)
		guarder   []string // facts and gaps of an alert of Guarder
		other     []string // of another one
	}{
		"nobody is asked":   {nil, nil, nil},
		"it is not listed":  {fails(fmt.Errorf("x: %w", ErrUnlisted)), []string{"gap unlisted"}, nil},
		"it is off":         {fails(fmt.Errorf("x: %w", ErrOff)), []string{"gap off"}, nil},
		"the alert is over": {fails(ErrOver), []string{"gap over"}, nil},
		"it is down":        {fails(errors.New("connection refused")), []string{"gap no_answer"}, []string{"gap no_answer"}},
		"it is slow":        {fails(fmt.Errorf("x: %w", context.DeadlineExceeded)), []string{"gap no_answer"}, []string{"gap no_answer"}},
		"nobody is hit":     {func(context.Context) (Offenders, error) { return Offenders{}, nil }, nil, nil},
	} {
		for alert, want := range map[string][]string{"PacketScopeGuardAttack": c.guarder, "PacketScopeSYNFlood": c.other, "PacketScopeRTTJump": nil} {
			set, _ := gatherAbout(t.Context(), about(alert, c.offenders))
			if diff := cmp.Diff(want, factsOf(set)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", alert, name, diff)
			}
		}
	}
}

// TestAnExporterThatHangsIsLeftBehind, whether it heeds its context or not.
func TestAnExporterThatHangsIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, hang := range map[string]func(context.Context){
			"heeds": func(ctx context.Context) { <-ctx.Done() }, "does not": func(context.Context) { time.Sleep(time.Hour) },
		} {
			began := time.Now()
			set, _ := gatherAbout(t.Context(), about("PacketScopeGuardAttack", func(ctx context.Context) (Offenders, error) {
				hang(ctx)
				return Offenders{}, ctx.Err()
			}))
			if took := time.Since(began); took != Defaults.Total {
				t.Errorf("%s: took %v", name, took)
			}
			if diff := cmp.Diff([]string{"gap no_answer"}, factsOf(set)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		time.Sleep(2 * time.Hour) // until all that were left behind are gone
	})
}

func TestManyOffendersFillNoTable(t *testing.T) {
	many := Offenders{Drops: 1e6, Rate: 1e6}
	for i := range handle.MostOfAKind + 5 {
		many.Sources = append(many.Sources, Offender{Source: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 32), Drops: 1, Rate: 1})
	}
	set, _ := gatherAbout(t.Context(), about("PacketScopeGuardAttack", func(context.Context) (Offenders, error) { return many, nil }))
	lines := factsOf(set)
	if last := lines[len(lines)-1]; last != "gap left_out" || len(lines) != handle.MostOfAKind+2*mostShares+2 {
		t.Errorf("%d lines, the last is %s", len(lines), last)
	}
}

// TestOffendersAreSaid: each fact has words, and each alert that asks is one.
func TestOffendersAreSaid(t *testing.T) {
	for alert := range ofOffenders {
		if len(For(alert)) == 0 {
			t.Errorf("%s is no alert", alert)
		}
		for _, name := range offenderNames {
			if Says(&fact.Set{Alert: fact.Alert{Name: alert}}, name) == "" {
				t.Errorf("%s: %s has no words", alert, name)
			}
		}
	}
	for _, q := range OffenderFacts {
		for _, label := range q.By {
			if !fact.Allowed(label) {
				t.Errorf("%s: %s may not be shown", q.Name, label)
			}
		}
	}
}
