package stack

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/cilium/ebpf/rlimit"

	"github.com/packetscope/packetscope/internal/netns"
)

// ErrNothingAttached is returned by [Open] if not one probe could be attached.
var ErrNothingAttached = errors.New("no probe could be attached")

// An Engine is a set of attached probes and their maps.
type Engine struct {
	cfg      Config
	logger   *slog.Logger
	own      netns.Namespace
	objects  *objects
	fixtures []*fixture
	follower *follower
	devices  *devices
	watches  *watchTable
	drops    *dropReader // nil if their group is disabled
	stats    *runStats
	tcp      *tcpReader // nil if its group of probes is disabled
	close    sync.Once
}

// Open loads and attaches the probes that cfg asks for and the kernel allows.
//
// A probe that cannot be attached does not stop the others; [Engine.Self] says
// why. Open fails only if nothing could be attached ([ErrNothingAttached]
// wrapped with the causes), leaving nothing behind. The caller must call
// [Engine.Close]; if the process dies instead, the kernel detaches everything.
func Open(cfg Config, logger *slog.Logger) (*Engine, error) {
	// Linux 5.11 and later charge maps to the cgroup and need no limit raised.
	if err := rlimit.RemoveMemlock(); err != nil {
		logger.Warn("memory for maps is limited", "err", err, "cure", "grant CAP_SYS_RESOURCE or raise RLIMIT_MEMLOCK")
	}
	own, err := netns.Own()
	if err != nil {
		return nil, fmt.Errorf("find own network namespace: %w", err)
	}
	e := &Engine{cfg: cfg, logger: logger, own: own}
	if err := e.open(); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Engine) open() error {
	ns := namespaces{own: uint32(e.own.Inode)}
	if e.cfg.OwnNamespaceOnly {
		ns.scope = ns.own
	}
	var err error
	if e.objects, err = newObjects(e.cfg, ns); err != nil {
		return fmt.Errorf("%w: %w", ErrNothingAttached, explain(Auto, err))
	}
	e.watches = newWatchTable(e.objects)
	if err := e.watches.set(e.cfg.Watches); err != nil {
		return err
	}
	if e.devices, err = newDevices(e.objects.maps["device_slots"]); err != nil {
		return err
	}
	if e.drops, err = e.openDrops(); err != nil {
		return err
	}
	e.follower = newFollower(e.own, e.cfg.OwnNamespaceOnly, e.logger)
	stations, err := e.attach()
	if err != nil {
		return err
	}
	e.objects.forgetTypes()
	if !slices.Contains(e.cfg.Disable, GroupTCP) {
		e.tcp = newTCPReader(e.own, e.cfg.OwnNamespaceOnly, e.objects.resetReasons, e.logger)
	}
	e.follower.start()
	e.countListeners()
	if err := e.objects.attached.Set(stations); err != nil {
		return fmt.Errorf("set %q: %w", "stations_attached", err)
	}
	e.stats = startRunStats(e.cfg.RunStats, e.logger)
	return nil
}

// attach fixes the wanted probes one after the other. It returns the stations that
// are attached, for all of them to start at once, in all namespaces.
func (e *Engine) attach() (stations uint32, err error) {
	var reasons []string
	for _, p := range probes() {
		if !p.wanted(e.cfg) {
			continue
		}
		x := fix(p, e.cfg, e.objects, e.follower)
		e.fixtures = append(e.fixtures, x)
		if x.attached {
			stations |= 1 << x.station // bit 0 for a probe that is no station
		} else {
			reasons = append(reasons, x.name+": "+x.reason)
		}
	}
	e.logUnattached()
	if stations == 0 {
		return 0, fmt.Errorf("%w: %s", ErrNothingAttached, strings.Join(reasons, "; "))
	}
	return stations, nil
}

// logUnattached writes one line for all probes that share a reason.
func (e *Engine) logUnattached() {
	var reasons []string
	probes := make(map[string][]string)
	for _, x := range e.fixtures {
		if x.attached {
			continue
		}
		why := x.reason
		if _, cause, hasHook := strings.Cut(why, ": "); hasHook {
			why = cause
		}
		if probes[why] == nil {
			reasons = append(reasons, why)
		}
		probes[why] = append(probes[why], x.name)
	}
	for _, why := range reasons {
		e.logger.Warn("probes not attached", "probes", strings.Join(probes[why], ","), "reason", why)
	}
}

// Self reports on the probes themselves.
func (e *Engine) Self() (Self, error) {
	s := Self{
		StatsWindow: e.stats.window(),
		SampleEvery: sampleEvery(e.cfg),
	}
	s.NamespacesCovered, s.NamespacesUncovered = e.follower.coverage()
	for _, x := range e.fixtures {
		p, err := x.report()
		if err != nil {
			return Self{}, err
		}
		s.Probes = append(s.Probes, p)
	}
	var err error
	s.Maps, err = e.objects.fill()
	return s, err
}

// SetWatches replaces the watches. A watch whose name and filter are unchanged
// keeps its counts; those of removed and changed ones are forgotten. On error
// the old watches stay in force.
func (e *Engine) SetWatches(watches []Watch) error { return e.watches.set(watches) }

// NeedsAfterAttach returns the names of the capabilities that the engine goes on
// using, such as "CAP_SYS_ADMIN". All others may be dropped.
func (e *Engine) NeedsAfterAttach() []string {
	var names []string
	if e.tcp != nil && !e.cfg.OwnNamespaceOnly {
		names = append(names, "CAP_SYS_ADMIN", "CAP_SYS_PTRACE")
	}
	if e.follower.active() {
		names = append(names, "CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE")
	} else if e.stats.needsAdmin() {
		names = append(names, "CAP_SYS_ADMIN")
	}
	if !mapsReadableWithoutPrivilege() && !e.follower.active() {
		names = append(names, "CAP_BPF")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Close detaches all probes and frees the maps.
func (e *Engine) Close() error {
	e.close.Do(func() {
		if e.stats != nil {
			e.stats.Close()
		}
		if e.follower != nil {
			e.follower.Close()
		}
		for _, x := range e.fixtures {
			x.Close()
		}
		if e.devices != nil {
			e.devices.Close()
		}
		if e.drops != nil {
			e.drops.Close()
		}
		if e.objects != nil {
			e.objects.Close()
		}
		e.own.Close()
	})
	return nil
}
