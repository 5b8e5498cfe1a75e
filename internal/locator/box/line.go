package box

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// A Probe is what a [Prober] is asked to send.
type Probe struct {
	wire.Flow
	TTL          uint8
	Size         int
	TOS          uint8
	DontFragment bool
	Tag          any
}

// An Answer is what came of a probe.
type Answer struct {
	Probe
	Sent time.Time
	// Reply is nil if nobody answered in time.
	Reply    *wire.Reply
	RTT      time.Duration
	Rewrites wire.Rewrites
	Err      error
}

// Line tells an answer in the words of [Expect], such as
//
//	3: r3 time_exceeded quoted_ttl=2 mpls=16001/0/1,24/5/1 in 10ms
//
// Behind TTL, sender and reason it has only what is not as with an honest router: the
// TTL that was quoted if not 1, the hops that the answer came back if not as many as the
// TTL, "cut" if less than the packet was quoted, the MTU, what was rewritten, and
// extensions, which are
//
//	mpls=label/class/ttl,...   interface=role/index/address/name/mtu   object=class/type/payload
//
// and "malformed". Routers that share the load are written a|b, for any of them. A
// destination that was reached is called by its reason.
func (s *Scenario) Line(a Answer) string {
	head := strconv.Itoa(int(a.TTL)) + ": "
	switch {
	case a.Err != nil:
		return head + "error " + a.Err.Error()
	case a.Reply == nil:
		return head + "nobody"
	}
	r, q := a.Reply, &a.Reply.Quoted
	words := []string{head + s.who(r.From), r.Reason()}
	add := func(yes bool, format string, args ...any) {
		if yes {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	quoted := q.Length > 0
	back := wire.ReverseHops(r.TTL)
	add(quoted && q.TTL != 1, "quoted_ttl=%d", q.TTL)
	add(back != 0 && back != int(a.TTL), "back=%d", back)
	add(quoted && q.Truncated(), "cut")
	add(r.Kind == wire.PacketTooBig, "mtu=%d", r.MTU)
	add(a.Rewrites != 0, "rewritten=%s", a.Rewrites)
	words = append(words, s.extensions(r.Extensions)...)
	add(true, "in %s", a.RTT)
	return strings.Join(words, " ")
}

func (s *Scenario) extensions(e wire.Extensions) (words []string) {
	var labels []string
	for i, l := range e.MPLS {
		text := fmt.Sprintf("%d/%d/%d", l.Value, l.Class, l.TTL)
		if l.Bottom != (i == len(e.MPLS)-1) {
			text += "!" // the bottom is not where the stack ends
		}
		labels = append(labels, text)
	}
	if labels != nil {
		words = append(words, "mpls="+strings.Join(labels, ","))
	}
	for _, i := range e.Interfaces {
		address := ""
		if i.Address.IsValid() {
			address = s.Name(i.Address)
		}
		words = append(words, fmt.Sprintf("interface=%s/%d/%s/%s/%d", i.Role, i.Index, address, i.Name, i.MTU))
	}
	for _, o := range e.Others {
		words = append(words, fmt.Sprintf("object=%d/%d/%x", o.Class, o.Type, o.Payload))
	}
	if e.Malformed {
		words = append(words, "malformed")
	}
	return words
}

// compareLines orders lines by their TTLs.
func compareLines(a, b string) int {
	return cmp.Or(cmp.Compare(lineTTL(a), lineTTL(b)), cmp.Compare(a, b))
}

// lineTTL returns the TTL before the colon, behind "3x " if there is.
func lineTTL(line string) int {
	_, line = uncount(line)
	head, _, _ := strings.Cut(line, ":")
	n, _ := strconv.Atoi(head)
	return n
}

// Untimed returns lines without their times, for clocks that are not the test's own:
// those that become equal are one.
func Untimed(lines []string) (untimed []string) {
	count := make(map[string]int)
	for _, line := range lines {
		n, line := uncount(line)
		line, _, _ = strings.Cut(line, " in ")
		count[line] += n
	}
	return counted(count)
}

// uncount parts a line from the number before it.
func uncount(line string) (n int, rest string) {
	if number, rest, ok := strings.Cut(line, "x "); ok {
		if n, err := strconv.Atoi(number); err == nil {
			return n, rest
		}
	}
	return 1, line
}

// counted writes each line with its number before it, in the order of TTLs.
func counted(count map[string]int) (lines []string) {
	for line, n := range count {
		if n > 1 {
			line = fmt.Sprintf("%dx %s", n, line)
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, compareLines)
	return lines
}

// Times returns the least time of the lines that become one without it, by what
// [Untimed] makes of one of them.
func Times(lines []string) map[string]time.Duration {
	times := make(map[string]time.Duration)
	for _, line := range lines {
		_, line = uncount(line)
		line, text, _ := strings.Cut(line, " in ")
		d, err := time.ParseDuration(text)
		if before, ok := times[line]; err == nil && (!ok || d < before) {
			times[line] = d
		}
	}
	return times
}
