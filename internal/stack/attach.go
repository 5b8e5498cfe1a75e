package stack

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// A fixture is a probe at work, or the reason why it is not.
type fixture struct {
	probe
	hook     hook
	attached bool
	reason   string
	// programs are by name; links are of the host-wide hooks only, those that
	// are attached per namespace are held by the follower.
	programs map[string]*ebpf.Program
	links    []link.Link
}

// fix attaches the best hook that works. If none does, the fixture says why.
func fix(p probe, cfg Config, o *objects, f *follower) *fixture {
	x := &fixture{probe: p}
	hooks, err := p.candidates(cfg)
	if err != nil {
		x.reason = err.Error()
		x.hook = p.hooks[0]
		return x
	}
	x.hook = hooks[0]
	var reasons []error
	told := make(map[string]bool) // what two hooks of a family lack is told once
	for _, h := range hooks {
		err := x.try(h, o, f)
		if err == nil {
			x.hook, x.attached = h, true
			break
		}
		if !told[err.Error()] {
			reasons = append(reasons, fmt.Errorf("%s: %w", h.describe(), err))
		}
		told[err.Error()] = true
	}
	if err := errors.Join(reasons...); err != nil {
		x.reason = oneLine(err)
	}
	return x
}

// try loads and attaches all of a hook or nothing.
func (x *fixture) try(h hook, o *objects, f *follower) error {
	if h.family == Kprobe && !hasKprobes() {
		return errNoKprobes // without the trouble of loading
	}
	x.programs = make(map[string]*ebpf.Program)
	for _, a := range h.attachments {
		if x.programs[a.program] != nil {
			continue
		}
		prog, err := o.load(a.familyIn(h), a.program)
		if err != nil {
			x.Close()
			return explain(h.family, err)
		}
		x.programs[a.program] = prog
	}
	var err error
	if h.family == Net {
		err = f.add(x.name, h.attachments, x.programs)
	} else {
		err = x.attach(h)
	}
	if err != nil {
		x.Close()
		return explain(h.family, err)
	}
	return nil
}

func (x *fixture) attach(h hook) error {
	for _, a := range h.attachments {
		l, err := attach(a.familyIn(h), a, x.programs[a.program])
		if err != nil {
			return err
		}
		x.links = append(x.links, l)
	}
	return nil
}

func attach(family HookFamily, a attachment, prog *ebpf.Program) (link.Link, error) {
	switch {
	case family == Kprobe && a.returns:
		return link.Kretprobe(a.target, prog, nil)
	case family == Kprobe:
		return link.Kprobe(a.target, prog, nil)
	default:
		return link.AttachTracing(link.TracingOptions{Program: prog})
	}
}

// Close detaches the probe. Its counts stay in the maps.
func (x *fixture) Close() {
	for _, l := range x.links {
		l.Close()
	}
	for _, p := range x.programs {
		p.Close()
	}
	x.links, x.programs = nil, nil
}
