package filter

import "strings"

// Meta is what is known of a packet beside its bytes. A field of 0 is not known.
type Meta struct {
	// Interface is an index.
	Interface uint32
	// Process is that whose socket it is, or that sends it.
	Process uint32
	// Namespace is the inode of a network namespace.
	Namespace uint32
	// Cgroup is the identity of that of the socket.
	Cgroup uint64
}

const (
	metaInterface metaField = iota
	metaProcess
	metaNamespace
	metaCgroupLow
	metaCgroupHigh
)

func (m Meta) field(f uint32) uint32 {
	switch metaField(f) {
	case metaInterface:
		return m.Interface
	case metaProcess:
		return m.Process
	case metaNamespace:
		return m.Namespace
	case metaCgroupLow:
		return uint32(m.Cgroup)
	}
	return uint32(m.Cgroup >> 32)
}

// meta reads a term about what is known beside the bytes.
func (p *parser) meta(what string) (condition, error) {
	t := p.take()
	if t.kind == end || t.kind == sign {
		return nil, fault(t, "%v where the value of %q should be", t, what)
	}
	number, err := parseNumber(t.text, 1<<64-1)
	named := err != nil
	if !named && what != "cgroup" && number>>32 != 0 {
		return nil, fault(t, "%v is too large for %q", t, what)
	}
	switch what {
	case "pid":
		if named {
			return nil, fault(t, "%v is no number of a process", t)
		}
		return is(metaProcess, uint32(number)), nil
	case "iface":
		index, err := lookUp(t, named, uint32(number), p.names.Interface)
		return is(metaInterface, index), err
	case "netns":
		inode, err := lookUp(t, named, uint32(number), p.names.Namespace)
		return is(metaNamespace, inode), err
	}
	id, err := lookUp(t, named, number, p.names.Cgroup)
	return both{is(metaCgroupLow, uint32(id)), is(metaCgroupHigh, uint32(id>>32))}, err
}

// lookUp returns a number, or that of a name.
func lookUp[N identity](t token, named bool, number N, find func(string) (N, error)) (N, error) {
	switch {
	case !named:
		return number, nil
	case find == nil:
		return number, fault(t, "%v is no number", t)
	}
	n, err := find(t.text)
	if err != nil {
		return n, fault(t, "%v: %s", t, strings.TrimSuffix(err.Error(), "\n"))
	}
	return n, nil
}

type identity interface{ uint32 | uint64 }
