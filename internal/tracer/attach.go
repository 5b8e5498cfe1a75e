//go:build linux

package tracer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
)

func haveProbes() error { return features.HaveBPFLinkKprobeMulti() }

// maxEntries bounds the functions that have a program each: every one is verified and takes some
// 10 KiB in the kernel, and until Linux 6.2 the kernel looks for its address among all symbols,
// one after the other.
const maxEntries = 200

// The programs of functions, by argument from 1.
const (
	probePrefix = "trace_probe_"
	entryPrefix = "trace_entry_"
)

// takeFunctionPrograms takes the programs of functions out of a collection, and returns one
// that has them alone.
func takeFunctionPrograms(spec *ebpf.CollectionSpec) *ebpf.CollectionSpec {
	taken := spec.Copy()
	for name := range taken.Programs {
		if strings.HasPrefix(name, probePrefix) || strings.HasPrefix(name, entryPrefix) {
			delete(spec.Programs, name)
		} else {
			delete(taken.Programs, name)
		}
	}
	return taken
}

// An attacher attaches programs to functions.
type attacher struct {
	session  *Session
	programs *ebpf.CollectionSpec
	types    *btf.Cache
	attached int
	refused  []Function
}

// openFunctions attaches to functions. That some or all of them cannot be had is no error.
func (s *Session) openFunctions(c Config, programs *ebpf.CollectionSpec, types *btf.Cache) error {
	m := bestMeans()
	if c.attach != nil {
		m = *c.attach
	}
	all, err := functions(types, m)
	if err != nil {
		return err
	}
	most := maxEntries
	if c.most != 0 {
		most = c.most
	}
	a := &attacher{session: s, programs: programs, types: types}
	var chosen []Function
	for _, f := range all {
		if !c.Functions.MatchString(f.Name) {
			continue
		}
		if m == byEntries && f.Reason == nil && len(chosen) == most {
			f.Reason = fmt.Errorf("of more than %d functions this kernel would need a program each (CONFIG_FPROBE, Linux 5.18, can do with five for all)", most)
		}
		if f.Reason != nil {
			a.refused = append(a.refused, f)
			continue
		}
		chosen = append(chosen, f)
	}
	switch {
	case m == byProbes:
		err = a.probes(chosen)
	case m == byEntries:
		err = a.entries(chosen)
	}
	if err != nil {
		return err
	}
	a.report(c)
	return nil
}

// cookie gives a function a number, as programs call it.
func (s *Session) cookie(f Function) uint64 {
	s.functions = append(s.functions, f.Name)
	return uint64(len(s.functions))
}

// load loads one program onto the maps of the session.
func (a *attacher) load(name string, change func(*ebpf.ProgramSpec)) (*ebpf.Program, error) {
	spec := a.programs.Copy()
	spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
	change(spec.Programs[name])
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: a.session.coll.Maps, Cache: a.types})
	if err != nil {
		return nil, err
	}
	defer coll.Close()
	program := coll.DetachProgram(name)
	a.session.entries = append(a.session.entries, program)
	return program, nil
}

// probes attaches one program for each argument that is the packet.
func (a *attacher) probes(chosen []Function) error {
	for argument := 1; argument <= arguments; argument++ {
		var symbols []string
		var cookies []uint64
		for _, f := range chosen {
			if f.Argument == argument {
				symbols, cookies = append(symbols, f.Name), append(cookies, a.session.cookie(f))
			}
		}
		if len(symbols) == 0 {
			continue
		}
		program, err := a.load(fmt.Sprint(probePrefix, argument), func(*ebpf.ProgramSpec) {})
		if err != nil {
			return fmt.Errorf("load the tracer of functions: %w", err)
		}
		a.probe(program, symbols, cookies)
	}
	return nil
}

// probe attaches a program to many functions. The kernel takes all of them or none, and does not
// say which one it minds: that is found by halves.
func (a *attacher) probe(program *ebpf.Program, symbols []string, cookies []uint64) {
	l, err := link.KprobeMulti(program, link.KprobeMultiOptions{Symbols: symbols, Cookies: cookies})
	if err == nil {
		a.session.links = append(a.session.links, l)
		a.attached += len(symbols)
		return
	}
	if len(symbols) == 1 {
		a.refused = append(a.refused, Function{Name: symbols[0], Reason: err})
		return
	}
	half := len(symbols) / 2
	a.probe(program, symbols[:half], cookies[:half])
	a.probe(program, symbols[half:], cookies[half:])
}

// entries attaches a program to each function.
func (a *attacher) entries(chosen []Function) error {
	for _, f := range chosen {
		program, err := a.load(fmt.Sprint(entryPrefix, f.Argument), func(p *ebpf.ProgramSpec) { p.AttachTo = f.Name })
		var l link.Link
		if err == nil {
			l, err = link.AttachTracing(link.TracingOptions{
				Program: program, AttachType: ebpf.AttachTraceFEntry, Cookie: a.session.cookie(f),
			})
		}
		if err != nil {
			f.Reason = err
			a.refused = append(a.refused, f)
			continue
		}
		a.session.links = append(a.session.links, l)
		a.attached++
	}
	return nil
}

// report tells of the functions that are missing.
func (a *attacher) report(c Config) {
	var err error
	switch refused := len(a.refused); {
	case refused == 0 && a.attached == 0:
		err = fmt.Errorf("no function that takes a packet is called as %q says", c.Functions)
	case refused == 0:
		return
	case errors.Is(a.refused[0].Reason, errNoMeans):
		err = fmt.Errorf("no function can be traced: %w", errNoMeans)
	default:
		err = fmt.Errorf("%d of %d functions cannot be traced: %w", refused, refused+a.attached, a.reasons())
	}
	a.session.missing = append(a.session.missing, Missing{FunctionHook, err})
}

// reasons returns why functions were refused, each reason once, with the first function and how
// many there are.
func (a *attacher) reasons() error {
	number, first := make(map[string]int), make(map[string]string)
	var order []string
	for _, f := range a.refused {
		text := f.Reason.Error()
		if number[text] == 0 {
			order, first[text] = append(order, text), f.Name
		}
		number[text]++
	}
	const enough = 3
	var texts []string
	for i, text := range order {
		if i == enough {
			texts = append(texts, "and others")
			break
		}
		who := first[text]
		if number[text] > 1 {
			who = fmt.Sprintf("%s and %d more", who, number[text]-1)
		}
		texts = append(texts, who+": "+text)
	}
	return errors.New(strings.Join(texts, "; "))
}
