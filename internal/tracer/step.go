package tracer

import "time"

// A Step is the time between two events of a packet that follow each other.
type Step struct {
	From, To *Event
	// In is the innermost function that did not end between them; "" if what ran ended, and the
	// packet waited for something else to take it up.
	In   string
	Took time.Duration
}

// Waits tells whether the packet waited.
func (s Step) Waits() bool { return s.In == "" }

// Steps returns the times between the events of a packet, until it is freed: what comes behind
// is of a clone.
func (p *Packet) Steps() []Step {
	var steps []Step
	for i := 1; i < len(p.Events); i++ {
		from, to := &p.Events[i-1], &p.Events[i]
		if from.Hook == "kfree_skb" || from.Hook == "consume_skb" {
			continue
		}
		steps = append(steps, Step{from, to, within(from, to), to.Time - from.Time})
	}
	return steps
}

// within returns the innermost function that two events share, if one thing did both.
func within(a, b *Event) string {
	if a.Context != b.Context || a.CPU != b.CPU || a.Thread != b.Thread {
		return ""
	}
	x, y := ownStack(a.Stack, a.Context), ownStack(b.Stack, b.Context)
	shared := 0
	for shared < len(x) && shared < len(y) && x[shared] == y[shared] {
		shared++
	}
	if shared == 0 {
		return ""
	}
	return x[shared-1]
}
