package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
)

// print writes the report for people to read. Tables without a row are left out.
func (r topReport) print(w io.Writer, clear bool) error {
	var b bytes.Buffer
	if clear {
		b.WriteString(clearScreen)
	}
	fmt.Fprintf(&b, "%s  generation %d, ceiling %s  rates over %.1f s%s\n", r.Time.Local().Format(time.TimeOnly), r.Generation, r.Ceiling, r.Seconds, r.alarms())
	fmt.Fprintf(&b, "passed %s  dropped %s  would be dropped %s  without a rule %s  not readable %s\n",
		r.Passed.perSecond(), r.Dropped.perSecond(), r.WouldDrop.perSecond(), r.Unmatched.perSecond(), r.Unparsable.perSecond())
	table(&b, "RULE\tMODE\tEFFECT\tRATE\tPACKETS\tBYTES\tLAST\tPLACE", r.Rules, func(t topRule) string {
		last := "-"
		if t.LastMatch != nil {
			last = since(r.Time, *t.LastMatch)
		}
		return fmt.Sprintf("%s/%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", t.Group, t.Rule, t.Mode, t.Effect, t.perSecond(), short(float64(t.Packets)), short(float64(t.Bytes)), last, t.Place)
	})
	table(&b, "FEED\tMODE\tEFFECT\tRATE\tPACKETS\tBYTES\tENTRIES\tPLACE", r.Feeds, func(f topFeed) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", f.Feed, f.Mode, f.Effect, f.perSecond(), short(float64(f.Packets)), short(float64(f.Bytes)), short(float64(f.Entries)), f.Place)
	})
	table(&b, "SOURCE\tRULE\tEFFECT\tRATE\tPACKETS\tFIRST\tLAST\tTO\tFLAGS", r.Sources, func(s topSource) string {
		return fmt.Sprintf("%s\t%s/%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", cmp.Or(s.Source, "-"), s.Group, s.Rule, s.Effect, perSecond(s.PacketsPerSecond), short(float64(s.Packets)),
			since(r.Time, s.First), since(r.Time, s.Last), target(s.SourceStatus), cmp.Or(strings.Join(s.Flags, ","), "-"))
	})
	table(&b, "SERVICE\tEFFECT\tRATE\tPACKETS", r.Services, func(s topService) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", s.name(), s.Effect, s.perSecond(), short(float64(s.Packets)))
	})
	table(&b, "ICMP\tRATE\tPACKETS", r.ICMP, func(m topICMP) string {
		return fmt.Sprintf("%s\t%s\t%s", m.name(), perSecond(m.PacketsPerSecond), short(float64(m.Packets)))
	})
	table(&b, "SAMPLE\tDEVICE\tBY\tPACKET", r.Samples, func(s guarder.Sample) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", s.Time.Local().Format("15:04:05.000"), s.Device, by(s), s.Text)
	})
	if !clear {
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

// table writes rows below a line without any, and a heading.
func table[T any](b *bytes.Buffer, heading string, rows []T, text func(T) string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintln(b)
	out := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(out, heading)
	for _, row := range rows {
		fmt.Fprintln(out, text(row))
	}
	out.Flush() // into memory
}

// alarms tells what somebody should do something about.
func (r topReport) alarms() string {
	text := ""
	if r.ConfirmBy != nil {
		text += fmt.Sprintf("  ON TRIAL for %v more", r.ConfirmBy.Sub(r.Time).Round(time.Second))
	}
	if r.Tripped {
		text += "  TRIPPED"
	}
	if r.SamplesLost > 0 {
		text += fmt.Sprintf("  %d samples lost", r.SamplesLost)
	}
	return text
}

func (c topCounts) perSecond() string { return perSecond(c.PacketsPerSecond) }

// perSecond returns a rate such as 0.5/s or 1.23k/s.
func perSecond(rate float64) string {
	if rate > 0 && rate < 9.95 {
		return strconv.FormatFloat(rate, 'f', 1, 64) + "/s"
	}
	return short(rate) + "/s"
}

func since(now, then time.Time) string { return max(0, now.Sub(then)).Round(time.Second).String() }

func (s topService) name() string { return s.Protocol + "/" + strconv.Itoa(int(s.Port)) }

func (m topICMP) name() string { return fmt.Sprintf("ipv%d %s", m.Family, m.Name) }

// target is what a source's last packet was for.
func target(s guarder.SourceStatus) string {
	switch {
	case s.Port != 0:
		return s.Protocol + "/" + strconv.Itoa(int(s.Port))
	case s.ICMPType != "":
		return s.Protocol + " " + s.ICMPType
	}
	return s.Protocol
}

// by tells what had a packet copied.
func by(s guarder.Sample) string {
	name := s.Reason
	if s.Rule != "" {
		name = s.Group + "/" + s.Rule
	}
	return s.Effect + " " + name
}
