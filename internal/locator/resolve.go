package locator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// resolution is what a look-up of a name gave.
type resolution struct {
	d     *destination
	addrs []netip.Addr
	err   error
}

// resolve finds the address of a destination, in the background if it has a name.
func (e *Engine) resolve(ctx context.Context, d *destination, background *sync.WaitGroup) {
	if addr, err := netip.ParseAddr(strings.Trim(d.Host, "[]")); err == nil {
		d.resolveAt = time.Now().Add(1000 * time.Hour) // it stays
		e.settle(resolution{d: d, addrs: []netip.Addr{addr.Unmap()}})
		return
	}
	d.resolving = true
	resolver, host, family := e.parts.Resolver, d.Host, d.Family
	background.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		network := "ip"
		if family != 0 {
			network = fmt.Sprintf("ip%d", family)
		}
		addrs, err := resolver.LookupNetIP(ctx, network, host)
		select {
		case e.resolved <- resolution{d, addrs, err}:
		case <-ctx.Done():
			// Only the end of the engine, or ten seconds in which it did not listen.
			e.giveUp(d)
		}
	})
}

func (e *Engine) giveUp(d *destination) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d.resolving = false
}

// use takes a resolution.
func (e *Engine) use(r resolution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.d.resolving = false
	if !slices.Contains(e.order, r.d) {
		return
	}
	e.settle(r)
}

// settle gives a destination its address. One that a name no longer has is replaced; as
// long as nothing can be found out it stays.
func (e *Engine) settle(r resolution) {
	d := r.d
	addr, err := choose(r, d.addr)
	if err != nil {
		// Sooner than usual: it may have been the network.
		d.resolveAt = time.Now().Add(min(e.cfg.Resolve, 30*time.Second))
		if before := d.err; err.Error() != before {
			d.err = err.Error()
			e.logger.Warn("destination cannot be resolved", "dest", d.Name, "err", err)
		}
		return
	}
	if !d.resolveAt.After(time.Now()) {
		d.resolveAt = time.Now().Add(e.cfg.Resolve)
	}
	d.err = ""
	if addr == d.addr {
		return
	}
	if d.watched() {
		e.logger.Info("destination has another address", "dest", d.Name, "before", d.addr, "after", addr)
		e.unwatch(d)
	}
	e.watch(d, addr)
}

// choose returns the address to measure: the one at hand if it is still one, else the
// first that resolvers, who sort by what the host reaches best, give.
func choose(r resolution, now netip.Addr) (netip.Addr, error) {
	if r.err != nil {
		return netip.Addr{}, explainResolve(r.err)
	}
	for i := range r.addrs {
		r.addrs[i] = r.addrs[i].Unmap()
	}
	fits := func(a netip.Addr) bool {
		return a.IsValid() && !a.IsMulticast() && !a.IsUnspecified() && (r.d.Family == 0 || (r.d.Family == 4) == a.Is4())
	}
	if now.IsValid() && fits(now) && slices.Contains(r.addrs, now) {
		return now, nil
	}
	for _, a := range r.addrs {
		if fits(a) {
			return a, nil
		}
	}
	if r.d.Family != 0 {
		return netip.Addr{}, fmt.Errorf("%s has no IPv%d address that can be measured", r.d.Host, r.d.Family)
	}
	return netip.Addr{}, fmt.Errorf("%s has no address that can be measured", r.d.Host)
}

// explainResolve makes a short line of a resolver's error.
func explainResolve(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Errorf("%s: no such host", dns.Name)
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return errors.New("the resolver does not answer")
	}
	return err
}

// watch begins to measure an address.
func (e *Engine) watch(d *destination, addr netip.Addr) {
	e.added++
	d.begin(fmt.Sprintf("%s#%d", d.Name, e.added), addr, e.parts.haste.changes, e.places)
	e.restore(d)
	e.byKey[d.key] = d
	e.plan.Add(d.target(), time.Now())
}

// unwatch ends that.
func (e *Engine) unwatch(d *destination) {
	e.checkpoint(d, time.Now())
	e.plan.Remove(d.key)
	delete(e.byKey, d.key)
	d.addr = netip.Addr{}
}

// setDestinations puts a list of destinations in force. Those that stay go on; of those
// beyond the limit, and of equal names, the later ones are refused.
func (e *Engine) setDestinations(wanted []Destination) {
	before := make(map[Destination]*destination, len(e.order))
	for _, d := range e.order {
		before[d.Destination] = d
	}
	e.order, e.refused = nil, 0
	names, addrs := make(map[string]bool), make(map[netip.Addr]bool)
	for _, w := range wanted {
		if w.Found && addrs[netip.MustParseAddr(w.Host)] {
			continue // it is measured under its own name
		}
		if names[w.Name] || len(e.order) >= MaxDestinations {
			e.refused++
			continue
		}
		names[w.Name] = true
		d := before[w]
		if d == nil {
			d = newDestination(w)
		}
		delete(before, w)
		e.order = append(e.order, d)
		addrs[d.addr] = true
	}
	for _, d := range before {
		if d.watched() {
			e.unwatch(d)
		}
	}
}
