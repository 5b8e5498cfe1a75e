//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// countsHold is for how long counts are believed after they were compared. It is some
// times the time between two comparisons, so that a busy agent does not end a limit, and
// one that died ends it soon: nobody counts then, and nobody must be kept out for ever.
const countsHold = 45 * time.Second

// A census counts the connections that others have open to this host, by prefix, for one
// policy. The kernel counts them as they begin and end. The list of sockets tells what
// was there before, and what the kernel has missed: see bpf/guard_connections.bpf.c.
type census struct {
	objects bpf.GuardConnectionsObjects
	link    link.Link
	lengths compile.Lengths
	// served are the ports that somebody has listened at.
	served map[uint16]bool
	// off is by how much counts were wrong the last time: a connection that begins while
	// the two are compared is no fault, so only what stays wrong is put right.
	off map[netip.Prefix]int32
	// prefixes are how many have connections, corrected how many connections were put right.
	prefixes  int
	corrected uint64
	// open are all connections, and most those of the prefix that has most of its family and
	// length.
	open int
	most map[kindOfPrefix]int
	// inbound is replaced by tests.
	inbound func(served map[uint16]bool) ([]netip.Addr, error)
}

// newCensus begins to count in a network namespace, which is that of the calling thread, with
// room for so many prefixes.
func newCensus(lengths compile.Lengths, room int, home namespace) (*census, error) {
	info, err := home.inode()
	if err != nil {
		return nil, err
	}
	spec, err := bpf.LoadGuardConnections()
	if err != nil {
		return nil, err
	}
	spec.Maps[compile.MapConnections].MaxEntries = uint32(room)
	var four, six [bpf.GuardMaxLengths]uint8
	copy(four[:], lengths.IPv4)
	copy(six[:], lengths.IPv6)
	for name, value := range map[string]any{"guard_namespace": info, "guard_lengths4": four, "guard_lengths6": six} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	c := &census{lengths: lengths, served: make(map[uint16]bool), inbound: host.Inbound}
	if err := spec.LoadAndAssign(&c.objects, nil); err != nil {
		return nil, fmt.Errorf("load the counter of connections: %w", err)
	}
	c.link, err = link.AttachTracing(link.TracingOptions{Program: c.objects.GuardCountConnection, AttachType: ebpf.AttachTraceRawTp})
	if err != nil {
		c.objects.Close()
		return nil, fmt.Errorf("attach the counter of connections to inet_sock_set_state: %w", err)
	}
	if err := c.compare(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// maps are what a generation asks.
func (c *census) maps() map[string]*ebpf.Map {
	return map[string]*ebpf.Map{compile.MapConnections: c.objects.GuardConnections, compile.MapCountedUntil: c.objects.GuardCountedUntil}
}

func (c *census) close() {
	if c != nil {
		c.link.Close()
		c.objects.Close()
	}
}

// compare puts right what is wrong twice in a row, or at the first time.
func (c *census) compare() error {
	peers, err := c.inbound(c.served)
	if err != nil {
		return fmt.Errorf("compare the counts of connections: %w", err)
	}
	want, have := make(map[netip.Prefix]int32), make(map[netip.Prefix]int32)
	for _, peer := range peers {
		lengths := c.lengths.IPv4
		if peer.Is6() {
			lengths = c.lengths.IPv6
		}
		for _, bits := range lengths {
			want[netip.PrefixFrom(peer, int(bits)).Masked()]++
		}
	}
	var key bpf.GuardPrefix
	var open int32
	all := c.objects.GuardConnections.Iterate()
	for all.Next(&key, &open) {
		have[compile.PrefixOf(key)] = open
	}
	if err := all.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return fmt.Errorf("read the counts of connections: %w", err)
	}
	for prefix, fix := range c.wrong(want, have) {
		if err := c.put(prefix, have[prefix]-fix); err != nil {
			return err
		}
	}
	// What is left of a connection that began and ended while it was counted.
	for prefix, open := range have {
		if open == 0 && want[prefix] == 0 {
			if err := c.put(prefix, 0); err != nil {
				return err
			}
		}
	}
	c.prefixes, c.open, c.most = len(want), len(peers), make(map[kindOfPrefix]int)
	for prefix, open := range want {
		kind := kindOfPrefix{prefix.Addr().Is4(), prefix.Bits()}
		c.most[kind] = max(c.most[kind], int(open))
	}
	until := bootNow() + uint64(countsHold)
	return c.objects.GuardCountedUntil.Put(uint32(0), until)
}

// A kindOfPrefix is a family and a length.
type kindOfPrefix struct {
	is4  bool
	bits int
}

// status returns what was found when counts were compared last; nil if nobody counts.
func (c *census) status() (*ConnectionStatus, error) {
	if c == nil {
		return nil, nil
	}
	s := &ConnectionStatus{Open: c.open, Corrected: c.corrected}
	if err := c.objects.GuardUncounted.Get(&s.Uncounted); err != nil {
		return nil, fmt.Errorf("read how many connections found no room: %w", err)
	}
	return s, nil
}

// of returns the connections that a rule asks for; nil if it does not.
func (c *census) of(r *policy.Rule) *RuleConnections {
	limit, asks := r.ConnectionLimit()
	if c == nil || !asks {
		return nil
	}
	most := max(c.most[kindOfPrefix{true, int(limit.IPv4)}], c.most[kindOfPrefix{false, int(limit.IPv6)}])
	return &RuleConnections{Most: most, Above: int(limit.Above)}
}

// wrong returns by how much counts have to be less.
func (c *census) wrong(want, have map[netip.Prefix]int32) map[netip.Prefix]int32 {
	first := c.off == nil
	fixes, off := make(map[netip.Prefix]int32), make(map[netip.Prefix]int32)
	both := maps.Clone(have)
	maps.Copy(both, want)
	for prefix := range both {
		now, before := have[prefix]-want[prefix], c.off[prefix]
		fix := now
		switch {
		case first:
		case now > 0 && before > 0:
			fix = min(now, before)
		case now < 0 && before < 0:
			fix = max(now, before)
		default:
			fix = 0
		}
		if fix != 0 {
			fixes[prefix] = fix
			if !first {
				c.corrected += uint64(max(fix, -fix))
			}
		}
		if left := now - fix; left != 0 {
			off[prefix] = left
		}
	}
	c.off = off
	return fixes
}

// put writes how many connections a prefix has. There may be no room for it: then it is
// tried again the next time.
func (c *census) put(prefix netip.Prefix, open int32) error {
	counts, key := c.objects.GuardConnections, compile.PrefixKey(prefix)
	if open <= 0 {
		if err := counts.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget the connections of %v: %w", prefix, err)
		}
		return nil
	}
	if err := counts.Put(key, open); err != nil && !errors.Is(err, unix.E2BIG) {
		return fmt.Errorf("count the connections of %v: %w", prefix, err)
	}
	return nil
}

// bootNow is CLOCK_BOOTTIME.
func bootNow() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return uint64(t.Nano())
}
