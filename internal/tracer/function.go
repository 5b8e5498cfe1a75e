//go:build linux

package tracer

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/kernel"
)

// A Function is one of the kernel's that takes a packet, by its types.
type Function struct {
	Name string
	// Module has it, "" if it is of the kernel itself.
	Module string
	// Argument is which one is the packet, from 1 to 5.
	Argument int
	// Reason is why it cannot be traced; nil if it can, as far as that can be told before it is
	// tried.
	Reason error
}

// Functions returns all functions of the running kernel and its modules that take a packet,
// sorted by name. Of those of one name there is one: that of the kernel itself, or of the first
// module.
func Functions() ([]Function, error) {
	return functions(btf.NewCache(), bestMeans())
}

// arguments is how many a program finds.
const arguments = 5

func functions(types *btf.Cache, m means) ([]Function, error) {
	modules, err := types.Modules()
	if err != nil {
		return nil, fmt.Errorf("list the modules' types: %w", err)
	}
	slices.Sort(modules)
	found.Lock()
	defer found.Unlock()
	key := fmt.Sprint(m, modules)
	if found.key != key {
		list, err := findFunctions(types, m, modules)
		if err != nil {
			return nil, err
		}
		found.key, found.list = key, list
	}
	return slices.Clone(found.list), nil
}

// found is what was found for the means and the modules that the key says: it takes the time of
// decoding all types.
var found struct {
	sync.Mutex
	key  string
	list []Function
}

func findFunctions(types *btf.Cache, m means, modules []string) ([]Function, error) {
	spec, err := types.Kernel()
	if err != nil {
		return nil, fmt.Errorf("load the kernel's types: %w", err)
	}
	var list []Function
	if list, err = functionsOf(list, spec, ""); err != nil {
		return nil, err
	}
	for _, module := range modules {
		spec, err := types.Module(module)
		if err != nil {
			continue // it went in the meantime, or its types do not fit this kernel
		}
		if list, err = functionsOf(list, spec, module); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(list, func(a, b Function) int { return cmp.Compare(a.Name, b.Name) })
	list = slices.CompactFunc(list, func(a, b Function) bool { return a.Name == b.Name })
	judge(list, m)
	return list, nil
}

// functionsOf adds to a list those functions that take a packet.
func functionsOf(list []Function, spec *btf.Spec, module string) ([]Function, error) {
	for t, err := range spec.All() {
		if err != nil {
			return nil, fmt.Errorf("read the types of functions: %w", err)
		}
		f, ok := t.(*btf.Func)
		if !ok {
			continue
		}
		if proto, ok := f.Type.(*btf.FuncProto); ok {
			if n := packetArgument(proto); n > 0 {
				list = append(list, Function{Name: f.Name, Module: module, Argument: n})
			}
		}
	}
	return list, nil
}

// packetArgument returns which argument is the packet, as programs count them; 0 if none is.
func packetArgument(proto *btf.FuncProto) int {
	for i, p := range proto.Params {
		if i == arguments {
			break
		}
		switch t := btf.UnderlyingType(p.Type).(type) {
		case *btf.Pointer:
			if s, ok := btf.UnderlyingType(t.Target).(*btf.Struct); ok && s.Name == "sk_buff" {
				return i + 1
			}
		case *btf.Struct, *btf.Union:
			return 0 // it takes one register, two or none: what follows is not where it seems
		}
	}
	return 0
}

// judge tells which functions can be traced, by the list of those that the kernel can change.
func judge(list []Function, m means) {
	if m == noMeans {
		for i := range list {
			list[i].Reason = errNoMeans
		}
		return
	}
	can, err := changeable()
	for i, f := range list {
		switch {
		case err != nil:
			list[i].Reason = fmt.Errorf("it cannot be told whether the kernel allows it: %w", err)
		case !can[f.Name]:
			list[i].Reason = errNotChangeable
		}
	}
}

var (
	errNoMeans       = errors.New("this kernel has neither fprobes (CONFIG_FPROBE, Linux 5.18) nor trampolines")
	errNotChangeable = errors.New("the compiler made another one of it, as by inlining, or the kernel forbids it")
)

// changeable returns the names of functions that begin with room for a call.
func changeable() (map[string]bool, error) {
	file, err := openTracefs("available_filter_functions")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readChangeable(file)
}

// readChangeable reads lines "name" and "name [module]".
func readChangeable(list io.Reader) (map[string]bool, error) {
	names := make(map[string]bool)
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		name, _, _ := strings.Cut(lines.Text(), " ")
		names[name] = true
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the functions that can be traced: %w", err)
	}
	return names, nil
}

// openTracefs opens a file of tracefs, which need not be mounted where others see it.
func openTracefs(name string) (*os.File, error) {
	var errs []error
	for _, at := range []string{"/sys/kernel/tracing/", "/sys/kernel/debug/tracing/"} {
		file, err := os.Open(at + name)
		if err == nil {
			return file, nil
		}
		errs = append(errs, err)
	}
	file, err := mountTracefs(name)
	if err != nil {
		return nil, fmt.Errorf("%w (mount tracefs at /sys/kernel/tracing)", errors.Join(append(errs, err)...))
	}
	return file, nil
}

// mountTracefs mounts tracefs nowhere, which ends when its files are closed.
func mountTracefs(name string) (*os.File, error) {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open tracefs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("create tracefs: %w", err)
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("mount tracefs: %w", err)
	}
	defer unix.Close(root)
	fd, err := unix.Openat(root, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open tracefs: %w", &os.PathError{Op: "open", Path: name, Err: err})
	}
	return os.NewFile(uintptr(fd), name), nil
}

// means is how a program gets to the beginning of functions.
type means int

const (
	noMeans means = iota
	// byProbes is one program for all functions (BPF_TRACE_KPROBE_MULTI).
	byProbes
	// byEntries is a program for each function (BPF_TRACE_FENTRY).
	byEntries
)

// bestMeans returns what this kernel has.
func bestMeans() means {
	switch {
	case haveProbes() == nil:
		return byProbes
	case kernel.TryTrampoline() == nil:
		return byEntries
	}
	return noMeans
}
