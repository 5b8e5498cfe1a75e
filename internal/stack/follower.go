package stack

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/netns"
)

// followEvery is how often namespaces and devices are looked for. A new container
// is seen within this time; looking takes about 2 us per process.
const followEvery = 2 * time.Second

var netfilterHooks = []string{"prerouting", "input", "forward", "output", "postrouting"}

func isTCX(a attachment) bool { return a.target == "ingress" || a.target == "egress" }

// A follower keeps the hooks that belong to one network namespace or one device
// attached in all of them, as they come and go.
type follower struct {
	logger  *slog.Logger
	ownOnly bool

	mu     sync.Mutex
	probes []perNamespace
	// links are by namespace and then by what is attached.
	links map[uint64]map[place]link.Link
	// uncovered are the namespaces where something could not be attached.
	uncovered map[uint64]error
	stop      chan struct{}
	done      sync.WaitGroup
	own       netns.Namespace
}

// perNamespace is what a probe attaches in each namespace.
type perNamespace struct {
	probe       string
	attachments []attachment
	programs    map[string]*ebpf.Program
}

// A place is where one program is attached within a namespace.
type place struct {
	program, target string
	last            bool   // behind all rules of a netfilter hook
	family          uint32 // of netfilter
	ifindex         int    // of TCX
}

func newFollower(own netns.Namespace, ownOnly bool, logger *slog.Logger) *follower {
	return &follower{
		logger:    logger,
		ownOnly:   ownOnly,
		own:       own,
		links:     make(map[uint64]map[place]link.Link),
		uncovered: make(map[uint64]error),
		stop:      make(chan struct{}),
	}
}

// add attaches a probe's hooks in the own namespace; start brings in the others. On
// error nothing of the probe stays attached.
func (f *follower) add(name string, attachments []attachment, programs map[string]*ebpf.Program) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := perNamespace{name, attachments, programs}
	if err := f.cover(f.own, []perNamespace{p}); err != nil {
		f.remove(p)
		return err
	}
	f.probes = append(f.probes, p)
	return nil
}

func (f *follower) remove(p perNamespace) {
	for _, links := range f.links {
		for at, l := range links {
			if p.programs[at.program] != nil {
				l.Close()
				delete(links, at)
			}
		}
	}
}

// start follows namespaces and devices until Close, if any probe needs it.
func (f *follower) start() {
	if !f.active() {
		return
	}
	f.follow()
	f.done.Add(1)
	go func() {
		defer f.done.Done()
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-f.stop:
				return
			case <-tick.C:
				f.follow()
			}
		}
	}()
}

// active reports whether any probe is attached per namespace or device.
func (f *follower) active() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.probes) > 0
}

// follow attaches in the namespaces that are new and lets go of those that went.
func (f *follower) follow() {
	present := []netns.Namespace{f.own}
	if !f.ownOnly {
		present = netns.Find(f.own)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[uint64]bool)
	for _, ns := range present {
		seen[ns.Inode] = true
		err := f.cover(ns, f.probes)
		if err != nil && f.uncovered[ns.Inode] == nil {
			f.logger.Warn("network namespace not covered", "inode", ns.Inode, "err", err)
		}
		if err == nil {
			delete(f.uncovered, ns.Inode)
		} else {
			f.uncovered[ns.Inode] = err
		}
	}
	for inode, links := range f.links {
		if !seen[inode] {
			closeAll(links)
			delete(f.links, inode)
		}
	}
	maps.DeleteFunc(f.uncovered, func(inode uint64, _ error) bool { return !seen[inode] })
}

// cover attaches what is missing in one namespace.
func (f *follower) cover(ns netns.Namespace, probes []perNamespace) error {
	links := f.links[ns.Inode]
	if links == nil {
		links = make(map[place]link.Link)
		f.links[ns.Inode] = links
	}
	return ns.Do(func() error {
		devices, err := deviceIndexes(probes)
		if err != nil {
			return err
		}
		wanted := places(probes, devices)
		for at, prog := range wanted {
			if links[at] != nil {
				continue
			}
			l, err := attachAt(at, prog)
			if errors.Is(err, unix.ENODEV) {
				continue // went between the list and now
			}
			if err != nil {
				return fmt.Errorf("attach %s to %s: %w", at.program, at.target, err)
			}
			links[at] = l
		}
		for at, l := range links {
			// Without a probe on devices they were not listed.
			if at.ifindex != 0 && len(devices) > 0 && !slices.Contains(devices, at.ifindex) {
				l.Close()
				delete(links, at)
			}
		}
		return nil
	})
}

// places returns where each program of the probes belongs within a namespace.
func places(probes []perNamespace, devices []int) map[place]*ebpf.Program {
	want := make(map[place]*ebpf.Program)
	for _, p := range probes {
		for _, a := range p.attachments {
			at := place{program: a.program, target: a.target, last: a.last}
			if !isTCX(a) {
				for _, family := range []uint32{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6} {
					at.family = family
					want[at] = p.programs[a.program]
				}
				continue
			}
			for _, at.ifindex = range devices {
				want[at] = p.programs[a.program]
			}
		}
	}
	return want
}

// coverage returns how many namespaces are fully attached, and how many are not.
func (f *follower) coverage() (covered, uncovered int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.probes) == 0 {
		return 0, 0
	}
	return len(f.links) - len(f.uncovered), len(f.uncovered)
}

// Close detaches everything.
func (f *follower) Close() {
	close(f.stop)
	f.done.Wait()
	for _, links := range f.links {
		closeAll(links)
	}
}

func closeAll(links map[place]link.Link) {
	for _, l := range links {
		l.Close()
	}
}
