package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A replayed packet is one with its judgements.
type replayed struct {
	number int
	record capture.Record
	// unjudged, if not nil, is why it could not be judged.
	unjudged       error
	subject, other outcome
}

// A replayLine is the JSON about a packet. Fields may be added to it; none is renamed
// or removed.
type replayLine struct {
	Packet int `json:"packet"`
	// Time is absent if the capture does not tell.
	Time   *time.Time `json:"time,omitempty"`
	Device string     `json:"device,omitempty"`
	// Length is that on the wire; Captured is how much of it there is.
	Length   int `json:"length"`
	Captured int `json:"captured"`
	*replayVerdict
	// Against is what the policy of --against does.
	Against *replayVerdict `json:"against,omitempty"`
	// Unjudged is why the packet could not be judged; then there is no verdict.
	Unjudged string `json:"unjudged,omitempty"`
	Text     string `json:"text"`
}

// A replayVerdict is what a policy does to a packet.
type replayVerdict struct {
	Verdict string `json:"verdict"` // "pass" or "drop"
	// Rule ended the search, WouldDrop is the audited rule that would have dropped the
	// packet; each is "group/rule" with its file:line:column, or absent.
	Rule           string `json:"rule,omitempty"`
	Place          string `json:"place,omitempty"`
	WouldDrop      string `json:"would_drop,omitempty"`
	WouldDropPlace string `json:"would_drop_place,omitempty"`
	// Kept is a rule that would have dropped the packet but for its being kept.
	Kept string `json:"kept,omitempty"`
	// Feed dropped the packet, WouldDropFeed is the audited one that would have, and
	// KeptFeed would have but for its being kept; CountedFeeds counted.
	Feed          string   `json:"feed,omitempty"`
	WouldDropFeed string   `json:"would_drop_feed,omitempty"`
	KeptFeed      string   `json:"kept_feed,omitempty"`
	CountedFeeds  []string `json:"counted_feeds,omitempty"`
	// Ban dropped the packet, and WouldDropBan is the audited one that would have. Bans is
	// the ban that the packet led to, also if it is only audited.
	Ban          *replayBan `json:"ban,omitempty"`
	WouldDropBan *replayBan `json:"would_drop_ban,omitempty"`
	Bans         *replayBan `json:"bans,omitempty"`
	// Counted are the first 16 rules that counted.
	Counted []string `json:"counted,omitempty"`
	// Reason is why the packet cannot be read to its end.
	Reason string `json:"reason,omitempty"`
}

// A replayBan is a ban with how long it was for.
type replayBan struct {
	Prefix  netip.Prefix `json:"prefix"`
	Origin  string       `json:"origin"`
	Seconds float64      `json:"seconds"`
	Audit   bool         `json:"audit,omitempty"`
}

func (j *judged) banFor(b *ban.Ban) *replayBan {
	if b == nil {
		return nil
	}
	return &replayBan{b.Prefix, string(b.Origin), b.TTL.Seconds(), j.bans.Audits(b)}
}

func (j *judged) verdict(x outcome) *replayVerdict {
	v := &replayVerdict{
		Verdict: verdictWords[x.Verdict], Rule: j.ruleName(x.By), Place: j.place(x.By),
		WouldDrop: j.ruleName(x.WouldDrop), WouldDropPlace: j.place(x.WouldDrop), Kept: j.ruleName(x.Kept),
		Feed: x.Listed.By, WouldDropFeed: x.Listed.WouldDrop, KeptFeed: x.Listed.Kept, CountedFeeds: x.Listed.Counted,
	}
	switch x.Ban {
	case policy.BanDropped:
		v.Ban = j.banFor(x.met)
	case policy.BanWouldDrop:
		v.WouldDropBan = j.banFor(x.met)
	}
	v.Bans = j.banFor(x.made)
	for _, i := range x.Counted {
		v.Counted = append(v.Counted, j.ruleName(i))
	}
	if x.Reason != packet.OK {
		v.Reason = x.Reason.String()
	}
	return v
}

// A replayPrinter writes lines about packets, and the summary.
type replayPrinter struct {
	w              io.Writer
	encoder        *json.Encoder // nil for people
	quiet          bool
	subject, other *judged // other is nil without --against
	summary        *replaySummary
}

func newReplayPrinter(w io.Writer, r *replay, subject, other *judged) *replayPrinter {
	p := &replayPrinter{w: w, quiet: r.quiet, subject: subject, other: other, summary: newReplaySummary(r, subject, other)}
	if r.asJSON {
		p.encoder = json.NewEncoder(w)
		p.encoder.SetEscapeHTML(false)
	}
	return p
}

func (s *replayPrinter) packet(p replayed) error {
	parsed := packet.Parse(p.record.Frame)
	s.summary.add(p, &parsed)
	equal := p.unjudged == nil && s.other != nil && same(s.subject, p.subject, s.other, p.other)
	if s.quiet || equal {
		return nil
	}
	text := policy.InWords(&parsed)
	if s.encoder != nil {
		return s.encoder.Encode(s.line(p, text))
	}
	said := ""
	switch {
	case p.unjudged != nil:
		said = "not judged: " + p.unjudged.Error()
	case s.other != nil:
		said = s.other.what(p.other) + " -> " + s.subject.text(p.subject)
	default:
		said = s.subject.text(p.subject)
	}
	_, err := fmt.Fprintf(s.w, "%d: %s: %s\n", p.number, said, text)
	return err
}

// what returns a judgement in one line, with the ban that it is by and the one that it led
// to.
func (j *judged) what(x outcome) string {
	said := j.String(x.Judgement)
	if x.met != nil {
		said = strings.Replace(said, "a ban", "the ban of "+prefixText(x.met.Prefix)+" by "+banOrigin(x.met), 1)
	}
	if x.made != nil {
		said += "; " + j.banMade(x.made)
	}
	return said
}

// banMade says who is banned, or would be.
func (j *judged) banMade(b *ban.Ban) string {
	if j.bans.Audits(b) {
		return fmt.Sprintf("enforced, it would ban %s for %s", prefixText(b.Prefix), model.Duration(b.TTL))
	}
	return fmt.Sprintf("bans %s for %s", prefixText(b.Prefix), model.Duration(b.TTL))
}

// banOrigin says who decided a ban: "" is of none.
func banOrigin(b *ban.Ban) string {
	if b == nil {
		return ""
	}
	if group, name, ok := b.Origin.OfRule(); ok {
		return group + "/" + name
	}
	return string(b.Origin)
}

// text returns a judgement in one line, with the rules that counted.
func (j *judged) text(x outcome) string {
	said := j.what(x)
	var counted []string
	for _, i := range x.Counted {
		counted = append(counted, j.ruleName(i))
	}
	for _, name := range x.Listed.Counted {
		counted = append(counted, "feed "+name)
	}
	if counted != nil {
		said += "; counted by " + strings.Join(counted, ", ")
	}
	return said
}

func (s *replayPrinter) line(p replayed, text string) replayLine {
	l := replayLine{Packet: p.number, Device: p.record.Interface, Length: max(p.record.Length, len(p.record.Frame)), Captured: len(p.record.Frame), Text: text}
	if !p.record.Time.IsZero() {
		l.Time = &p.record.Time
	}
	if p.unjudged != nil {
		l.Unjudged = p.unjudged.Error()
		return l
	}
	l.replayVerdict = s.subject.verdict(p.subject)
	if s.other != nil {
		l.Against = s.other.verdict(p.other)
	}
	return l
}

// end writes the summary.
func (s *replayPrinter) end() error {
	if s.encoder != nil {
		return s.encoder.Encode(map[string]replayTotals{"summary": s.summary.totals()})
	}
	if !s.quiet && s.summary.Packets > 0 {
		fmt.Fprintln(s.w)
	}
	return s.summary.print(s.w)
}

// print writes the summary for people to read.
func (s *replaySummary) print(w io.Writer) error {
	t := s.totals()
	if len(t.Rules) > 0 {
		out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(out, "RULE\tEFFECT\tPACKETS\tBYTES\tPLACE")
		for _, r := range t.Rules {
			fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%s\n", r.Rule, r.Effect, r.Packets, r.Bytes, r.Place)
		}
		out.Flush() // the writer keeps its error
		fmt.Fprintln(w)
	}
	if len(t.Feeds) > 0 {
		out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(out, "FEED\tEFFECT\tPACKETS\tBYTES")
		for _, f := range t.Feeds {
			fmt.Fprintf(out, "%s\t%s\t%d\t%d\n", f.Feed, f.Effect, f.Packets, f.Bytes)
		}
		out.Flush() // the writer keeps its error
		fmt.Fprintln(w)
	}
	if len(t.Bans) > 0 {
		out := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(out, "BANS BY\tEFFECT\tBANS\tPACKETS\tBYTES")
		for _, b := range t.Bans {
			fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\n", b.Origin, b.Effect, b.Bans, b.Packets, b.Bytes)
		}
		out.Flush() // the writer keeps its error
		fmt.Fprintln(w)
	}
	for _, c := range t.Changes {
		fmt.Fprintf(w, "%s: %s -> %s\n", c.who(), c.Before, c.After)
	}
	if s.other != nil {
		fmt.Fprintln(w, strings.Join(s.changes(), "\n"))
	}
	for _, reason := range t.Unjudged {
		fmt.Fprintf(w, "%s not judged: %s\n", counted(int(reason.Packets), "packet"), reason.Reason)
	}
	if t.Cut > 0 {
		fmt.Fprintf(w, "of %s the capture holds only a part, by which they were judged\n", counted(int(t.Cut), "packet"))
	}
	if t.Elsewhere > 0 {
		fmt.Fprintf(w, "%s came from interfaces that the policy does not name; they were judged as if it did\n", counted(int(t.Elsewhere), "packet"))
	}
	if life := s.subject.Life; life.KeepEstablished || life.ProtectApplier > 0 {
		fmt.Fprintln(w, "which connections are kept, and which peer is protected, only the running agent knows: no packet was taken for one of theirs")
	}
	if len(t.Bans) > 0 {
		fmt.Fprintln(w, "gateways, name servers and operators, who are never banned, only the running agent knows; nor does a ban wait here until an agent has made it")
	}
	_, err := fmt.Fprintf(w, "%s, %s: %d passed, %d dropped, %d would be dropped if enforced, %d without a rule, %d not readable; judged by %s\n",
		counted(int(t.Packets), "packet"), counted(int(t.Bytes), "byte"), t.Passed, t.Dropped, t.WouldDrop, t.Unmatched, t.Unparsable, t.JudgedBy)
	return err
}
