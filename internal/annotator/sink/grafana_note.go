package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// A note is a message as an annotation says it.
type note struct {
	episode   string
	dashboard string
	panel     int64
	// time and end are in ms; end is 0 while the episode goes on.
	time, end int64
	resolved  bool
	text      string
	tags      []string
}

func (g *Grafana) noteOf(m Message) note {
	n := note{
		episode:  m.Episode,
		time:     m.start().UnixMilli(),
		resolved: m.Status == Resolved,
		text:     annotationText(m),
		tags:     annotationTags(m),
	}
	if n.resolved {
		n.end = m.end().UnixMilli()
	}
	for _, p := range g.options.Places {
		if p.takes(m.Alert) {
			n.dashboard, n.panel = p.UID, p.Panel
			break
		}
	}
	return n
}

// endAfter returns the end for an annotation that starts at a time in ms. A firing
// one is a point, which ends where it starts; 0 would change nothing.
func (n note) endAfter(start int64) int64 {
	if !n.resolved {
		return start
	}
	return max(n.end, start+shortest.Milliseconds())
}

// changes returns the kinds of change that the note makes to what is known. What
// changes nothing proves nothing.
func (n note) changes(known mark) []kind {
	var all []kind
	if known.Said != digest(n.text) {
		all = append(all, wording)
	}
	if known.End != n.endAfter(known.Time) {
		all = append(all, ending)
	}
	return all
}

// digest stands for a text in a state.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// sameAs tells whether an annotation says what the note says. start is when ours
// began, or 0 if that is not known.
func (n note) sameAs(a annotation, start int64) bool {
	if start == 0 {
		start = a.Time
	}
	return a.Text == n.text && a.Time == start && a.end() == n.endAfter(a.Time) && sameTags(a.Tags, n.tags)
}

// sameTags compares without order, because Grafana keeps tags in tables of its own.
func sameTags(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// mostText is the length of an annotation's text in bytes. People read it in a
// tooltip.
const mostText = 1500

// annotationText returns plain words. Grafana puts them into the page as HTML.
func annotationText(m Message) string {
	d := dialect{entities, inBytes}
	return d.lines(append([]string{title(m)}, explanation(m)...), mostText)
}

// mostTags is the length of all tags in bytes, as Grafana counts them: with quotes
// and commas. Its limit can be configured; one as it comes refused 610 (recorded).
const mostTags = 400

// mostTag is the length of a tag's value in bytes, above that of all our names of
// alerts.
const mostTag = 64

// ourTag is on all annotations of ours.
const ourTag = "packetscope"

func episodeTag(episode string) string { return "ep:" + episode }

func annotationTags(m Message) []string {
	tags := []string{ourTag}
	last := append(hostTags(m.Alert), episodeTag(m.Episode), string(m.Status))
	for _, t := range [][2]string{
		{"alert:", m.Alert.Name},
		{"sev:", m.Alert.Severity},
		{"verdict:", m.Explanation.Verdict},
		{"conf:", m.Explanation.Confidence},
		{"by:", m.Explanation.By},
	} {
		more := append(tags, t[0]+tagValue(t[1]))
		if more[len(more)-1] != t[0] && lengthOfTags(append(more, last...)) < mostTags {
			tags = more
		}
	}
	return append(tags, last...)
}

func lengthOfTags(tags []string) int {
	return len(`["` + strings.Join(tags, `","`) + `"]`)
}

// tagValue keeps letters, digits and what is harmless in a tag. A colon would start
// another value, a comma another tag in Grafana's forms.
func tagValue(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r <= unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)), strings.ContainsRune("_-.", r):
		default:
			r = '_'
		}
		if b.Len() == mostTag {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
