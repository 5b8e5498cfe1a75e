package tracer

import "slices"

// A Node is a function that a packet went through, or an event of it.
type Node struct {
	// Function is a name, "" of an event.
	Function string
	// Event is nil of a function.
	Event *Event
	// Calls are what the function called, in the order of time.
	Calls []*Node
}

// A Run is what one task or interrupt did with a packet without a pause.
type Run struct {
	Context Context
	// First is the first event.
	First *Event
	Calls []*Node
}

// Runs returns the functions that a packet went through, as trees. Two events are of one run
// if they are of one context and CPU and begin in the same function; they share the functions
// that both stacks have.
//
// A function that was called twice between two events is one node: the stacks do not tell. Where
// functions are traced themselves, each call is a node; without stacks all stand side by side.
func (p *Packet) Runs() []*Run {
	var runs []*Run
	var open []*Node // the functions that the last event was in
	for i := range p.Events {
		e := &p.Events[i]
		stack := e.calls()
		var run *Run
		if len(runs) > 0 {
			run = runs[len(runs)-1]
		}
		if run == nil || !continues(run, e, stack) {
			run, open = &Run{Context: e.Context, First: e}, nil
			runs = append(runs, run)
		}
		open = run.add(open, stack, e)
	}
	return runs
}

// continues tells whether an event is of a run.
func continues(run *Run, e *Event, stack []string) bool {
	first := run.First
	if first.Context != e.Context || first.CPU != e.CPU || first.Thread != e.Thread {
		return false
	}
	if len(run.Calls) == 0 || len(e.Stack) == 0 {
		return true
	}
	outermost := "" // a packet may be freed by what runs the softirq itself, without a function below
	if len(stack) > 0 {
		outermost = stack[0]
	}
	return run.Calls[0].Function == outermost
}

// add adds an event to a run and returns the functions that it was in.
func (r *Run) add(open []*Node, stack []string, e *Event) []*Node {
	shared, most := 0, len(stack)
	if e.Func != "" {
		most-- // it begins: were it called before, it is so again
	}
	for shared < len(open) && shared < most && open[shared].Function == stack[shared] {
		shared++
	}
	open = slices.Clone(open[:shared])
	for _, function := range stack[shared:] {
		n := &Node{Function: function}
		r.attach(open, n)
		open = append(open, n)
	}
	r.attach(open, &Node{Event: e})
	return open
}

func (r *Run) attach(open []*Node, n *Node) {
	if len(open) == 0 {
		r.Calls = append(r.Calls, n)
		return
	}
	inner := open[len(open)-1]
	inner.Calls = append(inner.Calls, n)
}

// ownStack cuts off what was interrupted, and how the kernel was entered.
func ownStack(stack []string, c Context) []string {
	for i := len(stack) - 1; i >= 0; i-- {
		if entries[stack[i]] == c && c != Unknown {
			return stack[i+1:]
		}
	}
	return stack
}

// calls returns the functions that an event was in, as far as they are about the packet. Without
// a stack that is the one that begins.
func (e *Event) calls() []string {
	if len(e.Stack) == 0 && e.Func != "" {
		return []string{e.Func}
	}
	return ownStack(e.Stack, e.Context)
}

// Functions returns the names of all functions of a packet, in the order of its runs.
func (p *Packet) Functions() (names []string) {
	var walk func([]*Node)
	walk = func(nodes []*Node) {
		for _, n := range nodes {
			if n.Function != "" {
				names = append(names, n.Function)
			}
			walk(n.Calls)
		}
	}
	for _, r := range p.Runs() {
		walk(r.Calls)
	}
	return names
}
