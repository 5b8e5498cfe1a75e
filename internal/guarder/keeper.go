//go:build linux

package guarder

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A keeper is what is known of the table of what rules of the policy stage do not drop:
// see policy.Kept.
type keeper struct {
	// connections are in the table, leftOut found no room.
	connections, leftOut int
	// until is the end of the last lease of a peer, in ns of CLOCK_MONOTONIC; 0 without
	// one.
	until uint64
}

// protectedUntil returns the end of the last lease, or nil if it is over.
func (k *keeper) protectedUntil() *time.Time {
	now := monotonic()
	if k.until <= now {
		return nil
	}
	end := time.Now().Add(time.Duration(k.until - now))
	return &end
}

// keep writes down what a policy that is put in force does not drop: the connections
// that are established now, and the peers of the operator's.
//
// The table is that of all policies. So it holds what was established when the last one
// was put in force, also if that is taken back, which is more than was established when
// the one before was.
func (e *Engine) keep(p *policy.Policy, operator []host.Connection) error {
	var sockets []host.Socket
	if p.Life.KeepEstablished {
		var err error
		if sockets, err = host.Connections(); err != nil {
			return fmt.Errorf("keep connections that are established: %w", err)
		}
	}
	if err := e.sweepOf(sockets); err != nil {
		return err
	}
	mine := func(c policy.Connection) bool { return slices.Contains(operator, host.Connection(c)) }
	if p.Life.ProtectApplier > 0 {
		until := monotonic() + uint64(p.Life.ProtectApplier)
		for _, c := range operator {
			if err := e.putFirst(compile.PeerKey(c.Remote.Addr()), until, mine); err != nil {
				return fmt.Errorf("protect %v: %w", c.Remote.Addr(), err)
			}
		}
	}
	e.keeper.leftOut = 0
	for _, c := range established(sockets, mine) {
		put := e.putKept
		if mine(c) {
			put = func(key bpf.GuardKept, until uint64) error { return e.putFirst(key, until, mine) }
		}
		err := put(compile.ConnectionKey(c), 0)
		if errors.Is(err, syscall.E2BIG) {
			e.keeper.leftOut++
			continue
		}
		if err != nil {
			return fmt.Errorf("keep the connection with %v: %w", c.Remote, err)
		}
	}
	if e.keeper.leftOut > 0 {
		e.logger.Error("not all connections that are established are kept: the others are judged by all rules",
			"room", bpf.GuardMaxKept, "left_out", e.keeper.leftOut)
	}
	return e.count()
}

func (e *Engine) putKept(key bpf.GuardKept, until uint64) error {
	return e.store.state[compile.MapKept].Put(key, until)
}

// putFirst writes down what is the operator's: if there is no room, in place of a
// connection of somebody else.
func (e *Engine) putFirst(key bpf.GuardKept, until uint64, mine func(policy.Connection) bool) error {
	err := e.putKept(key, until)
	if !errors.Is(err, syscall.E2BIG) {
		return err
	}
	var other *bpf.GuardKept
	if err := e.kept(func(k bpf.GuardKept, c policy.Connection, _ uint64) {
		if c.Local.IsValid() && !mine(c) {
			other = &k
		}
	}); err != nil || other == nil {
		return errors.Join(syscall.E2BIG, err)
	}
	if err := e.store.state[compile.MapKept].Delete(*other); err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	return e.putKept(key, until)
}

// established returns the connections that are, those of the operator first.
func established(sockets []host.Socket, mine func(policy.Connection) bool) []policy.Connection {
	var all []policy.Connection
	for _, s := range sockets {
		if s.State == host.Established {
			all = append(all, policy.Connection{Local: s.Local, Remote: s.Remote})
		}
	}
	rank := func(c policy.Connection) int {
		if mine(c) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b policy.Connection) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// sweep removes connections that are closed and leases that are over.
func (e *Engine) sweep() error {
	if e.keeper.connections == 0 && e.keeper.until == 0 {
		return nil
	}
	sockets, err := host.Connections()
	if err != nil {
		return fmt.Errorf("look for connections that were closed: %w", err)
	}
	if err := e.sweepOf(sockets); err != nil {
		return err
	}
	return e.count()
}

// sweepOf removes connections that have no socket, in whatever state.
func (e *Engine) sweepOf(sockets []host.Socket) error {
	alive := make(map[policy.Connection]bool, len(sockets))
	for _, s := range sockets {
		alive[policy.Connection{Local: s.Local, Remote: s.Remote}] = true
	}
	now := monotonic()
	var over []bpf.GuardKept
	err := e.kept(func(key bpf.GuardKept, c policy.Connection, until uint64) {
		if c.Local.IsValid() && !alive[c] || until != 0 && until <= now {
			over = append(over, key)
		}
	})
	if err != nil {
		return err
	}
	for _, key := range over {
		if err := e.store.state[compile.MapKept].Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("remove a closed connection: %w", err)
		}
	}
	return nil
}

// count reads what the table holds.
func (e *Engine) count() error {
	e.keeper.connections, e.keeper.until = 0, 0
	return e.kept(func(_ bpf.GuardKept, c policy.Connection, until uint64) {
		if c.Local.IsValid() {
			e.keeper.connections++
		} else {
			e.keeper.until = max(e.keeper.until, until)
		}
	})
}

// kept calls f for each entry of the table.
func (e *Engine) kept(f func(key bpf.GuardKept, c policy.Connection, until uint64)) error {
	var key bpf.GuardKept
	var until uint64
	all := e.store.state[compile.MapKept].Iterate()
	for all.Next(&key, &until) {
		f(key, compile.KeyOf(key), until)
	}
	if err := all.Err(); err != nil {
		return fmt.Errorf("read what is kept: %w", err)
	}
	return nil
}
