//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A banner is what an engine knows of bans. The engine's lock is held for all of it but the
// constants.
type banner struct {
	store    *ban.Store
	kernel   *compile.Bans
	clock    ban.Clock
	around   func() (feed.Host, error)
	requests *ringbuf.Reader
	// host is what must not be banned; seen tells that it is known.
	host feed.Host
	seen bool
	// changed tells that the kernel does not know all that the store does.
	changed bool
	// next is when the next ban ends, or 0.
	next time.Duration
}

const (
	// bansEvery is how often an engine looks after its bans at least.
	bansEvery = time.Second
	// bansRest is how long it pauses at least, as each look is at all of them, with the
	// engine's lock held: bans that end one after the other would have it look all the time.
	bansRest = 100 * time.Millisecond
	// oldRequest is the age of a request for a ban that nobody read, from which on what it
	// was about is over.
	oldRequest = 10 * time.Second
	// banFolder is in the folder of an agent's state.
	banFolder = "bans"
)

// openBans reads the bans from disk, and from the kernel what an agent before could not
// write down any more.
func openBans(cfg Config, store *Store, logger *slog.Logger) (*banner, error) {
	clock, err := ban.SystemClock()
	if err != nil {
		return nil, err
	}
	b := &banner{clock: clock, around: cfg.around}
	if b.around == nil {
		b.around = readAround
	}
	folder := ""
	if cfg.State != "" {
		folder = filepath.Join(cfg.State, banFolder)
	}
	if b.store, err = ban.Open(folder, clock); err != nil {
		return nil, err
	}
	if b.kernel, err = compile.OpenBans(store.state); err != nil {
		return nil, err
	}
	for _, row := range b.kernel.Rows() {
		b.store.Adopt(row)
	}
	if b.requests, err = ringbuf.NewReader(store.state[compile.MapBanRequests]); err != nil {
		return nil, fmt.Errorf("read whom rules want banned: %w", err)
	}
	b.changed = true
	if err := b.lookAround(); err != nil { // it is tried again
		logger.Error(unknownHost, "err", err)
	}
	return b, nil
}

// unknownHost is said when nobody can be banned, as somebody must not be who is not known.
const unknownHost = "what must not be banned is not known, so nobody is"

// lookAround takes note of what must not be banned. It is for a thread in the network
// namespace of the devices.
func (b *banner) lookAround() error {
	around, err := b.around()
	if err == nil {
		b.host, b.seen = around, true
	}
	return err
}

// never returns who must not be banned: whoever is to be reached whatever happens, and who
// looks after this host.
func (e *Engine) never() (*ban.Never, error) {
	b, n := e.bans, ban.NewNever()
	if !b.seen {
		return nil, errors.New(unknownHost)
	}
	for _, of := range []struct {
		why   string
		addrs []netip.Addr
	}{{"an address of this host", b.host.Own}, {"a gateway of this host", b.host.Gateways}, {"a name server of this host", b.host.Resolvers}, {"where an operator is, or was within 30 days", b.store.Operators()}} {
		for _, a := range of.addrs {
			n.AddAddr(a, of.why)
		}
	}
	peers := []netip.Addr{}
	if e.keeper.until > monotonic() {
		if err := e.kept(func(_ bpf.GuardKept, c policy.Connection, until uint64) {
			if !c.Local.IsValid() && until > monotonic() {
				peers = append(peers, c.Remote.Addr())
			}
		}); err != nil {
			return nil, err
		}
	}
	for _, a := range peers {
		n.AddAddr(a, "who put the policy in force")
	}
	e.current.policy.Trusted(n.Add)
	return n, nil
}

// remember has the peers of an operator never be banned for a time.
func (b *banner) remember(operator []host.Connection) {
	for _, c := range operator {
		if a := c.Remote.Addr().Unmap().WithZone(""); a.IsValid() {
			b.store.Visit(a)
		}
	}
}

// Bans returns who is banned.
func (e *Engine) Bans() (BanList, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return BanList{}, err
	}
	list := BanList{Time: e.bans.clock.Wall(), Bans: []BanStatus{}}
	for _, b := range e.bans.store.List() {
		list.Bans = append(list.Bans, e.banStatus(b))
	}
	return list, nil
}

func (e *Engine) banStatus(b ban.Ban) BanStatus {
	return BanStatus{
		Prefix: b.Prefix, Origin: string(b.Origin), Reason: b.Reason, Count: b.Count, Renew: b.Renew,
		Since: e.bans.store.Wall(b.Since).Round(time.Millisecond), Until: e.bans.store.Wall(b.Until).Round(time.Millisecond),
		Left:  (b.Until - e.bans.clock.Boot()).Seconds(),
		Audit: b.Audit || e.current.policy.BanMode == policy.Audit || e.ruleAudited(b.Origin),
	}
}

// ruleAudited tells whether an origin is a rule that is only audited now. One that is not
// there any more is not: its bans last as long as they were to.
func (e *Engine) ruleAudited(o ban.Origin) bool {
	group, name, ok := o.OfRule()
	if !ok {
		return false
	}
	for i := range e.current.policy.Rules {
		if r := &e.current.policy.Rules[i]; r.Group == group && r.Name == name {
			return r.Mode == policy.Audit
		}
	}
	return false
}

// Ban bans somebody, unless that must not be.
func (e *Engine) Ban(o BanOrder) (BanStatus, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return BanStatus{}, err
	}
	origin := ban.Operator
	if o.Origin != "" {
		origin = ban.Origin(o.Origin)
	}
	if !slices.Contains([]ban.Origin{ban.Operator, ban.API, ban.CrowdSec}, origin) {
		return BanStatus{}, fmt.Errorf("origin %q: want operator, api or crowdsec", o.Origin)
	}
	e.bans.remember(o.Operator)
	never, err := e.never()
	if err != nil {
		return BanStatus{}, err
	}
	b, action, err := e.bans.store.Add(ban.Request{Prefix: o.Prefix, Terms: ban.Terms{TTL: o.TTL}, Origin: origin, Reason: o.Reason}, never)
	if err != nil {
		return BanStatus{}, err
	}
	e.logger.Info("banned", "prefix", b.Prefix, "origin", b.Origin, "action", action, "ttl_seconds", b.TTL.Seconds(), "reason", b.Reason)
	e.bans.changed = true
	return e.banStatus(b), e.putBans(true)
}

// Unban ends a ban.
func (e *Engine) Unban(p netip.Prefix) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return err
	}
	if err := e.bans.store.Remove(p); err != nil {
		return err
	}
	e.logger.Info("not banned any more", "prefix", p)
	e.bans.changed = true
	return e.putBans(true)
}

// putBans writes bans to disk, and tells the kernel of them. Whoever the disk does not
// take is banned all the same.
func (e *Engine) putBans(mustBe bool) error {
	err := e.bans.store.Save(mustBe)
	if !e.bans.changed {
		return err
	}
	if fault := e.bans.kernel.Set(e.bans.store.Rows(e.ruleAudited)); fault != nil {
		return errors.Join(err, fault)
	}
	e.bans.changed = false
	return err
}

// watchBans looks after bans until the engine is closed. It tells once whether it can.
func (e *Engine) watchBans(ready chan<- error) {
	defer e.done.Done()
	if err := e.home.enter(); err != nil {
		ready <- err
		return
	}
	ready <- nil
	asked := make(chan []compile.BanRequest)
	e.done.Add(1)
	go e.readBanRequests(asked)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked time.Time
	for {
		select {
		case <-e.stop:
			return
		case all := <-asked:
			e.banAll(all)
		case now := <-timer.C:
			atAll := now.Sub(looked) >= aroundEvery || now.Before(looked)
			if atAll {
				looked = now
			}
			e.lookAtBans(atAll)
			timer.Reset(e.bansPause())
		}
	}
}

// bansPause is how long until bans are to be looked at: when the next one ends, or about then.
func (e *Engine) bansPause() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bans.next == 0 {
		return bansEvery
	}
	return min(bansEvery, max(e.bans.next-e.bans.clock.Boot(), bansRest))
}

// lookAtBans counts bans that are over, renews those of who still sends, and at times
// ends those of whoever must not be banned any more.
func (e *Engine) lookAtBans(atAll bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil {
		return
	}
	b := e.bans
	last, err := b.kernel.Last()
	if err != nil {
		e.complain("bans may end too early", err)
	}
	for p, at := range last {
		b.changed = b.store.Saw(p, at) || b.changed
	}
	over, next := b.store.Expire()
	b.next = next
	for _, o := range over {
		b.changed = true
		e.logger.Debug("a ban is over", "prefix", o.Prefix, "origin", o.Origin)
	}
	if atAll {
		e.freeTrusted()
	}
	e.complain(banTrouble, e.putBans(false))
}

// banTrouble is what is said when bans cannot be kept; no device has such a name.
const banTrouble = "bans may not be in force, or not outlive the agent"

// complain logs an error once until there is another one, or none.
func (e *Engine) complain(what string, err error) {
	if err == nil {
		delete(e.said, what)
	} else if e.say(what, err.Error()) {
		e.logger.Error(what, "err", err)
	}
}

// freeTrusted ends the bans of whoever must not be banned any more.
func (e *Engine) freeTrusted() {
	err := e.bans.lookAround()
	e.complain("who must not be banned may have changed", err)
	never, err := e.never()
	if err != nil {
		return
	}
	for _, why := range e.bans.store.RemoveAll(never) {
		e.bans.changed = true
		e.logger.Warn("a ban is ended", "why", why)
	}
}

// readBanRequests hands on whom rules want banned, as many at once as there are.
func (e *Engine) readBanRequests(to chan<- []compile.BanRequest) {
	defer e.done.Done()
	var all []compile.BanRequest
	for {
		record, err := e.bans.requests.Read()
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case err != nil:
			e.logger.Error("rules ban nobody any more", "err", err)
			return
		}
		if r, err := compile.ReadBanRequest(record.RawSample); err == nil {
			all = append(all, r)
		}
		if e.bans.requests.AvailableBytes() > 0 && len(all) < 1024 {
			continue
		}
		select {
		case to <- all:
			all = nil
		case <-e.stop:
			return
		}
	}
}

// banAll bans whom rules want banned.
func (e *Engine) banAll(all []compile.BanRequest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil {
		return
	}
	never, err := e.never()
	e.complain("rules ban nobody", err)
	if err != nil {
		return
	}
	rules := make(map[uint32]*policy.Rule, len(e.current.slots))
	for i, slot := range e.current.slots {
		rules[slot] = &e.current.policy.Rules[i]
	}
	for _, r := range all {
		rule := rules[r.Slot]
		if rule == nil || rule.Ban == nil || e.bans.clock.Boot()-r.At > oldRequest {
			continue
		}
		e.banBy(rule, r, never)
	}
	e.complain(banTrouble, e.putBans(false))
}

// banBy bans a source that a rule wants banned: with its prefix, or alone if somebody is
// in that who must not be.
func (e *Engine) banBy(rule *policy.Rule, r compile.BanRequest, never *ban.Never) {
	prefix := rule.Ban.Prefix(r.Source)
	if never.Check(prefix) != nil {
		prefix = netip.PrefixFrom(r.Source, r.Source.BitLen())
	}
	added, action, err := e.bans.store.Add(rule.BanRequest(prefix, r.Audit || rule.Mode == policy.Audit), never)
	if err != nil {
		e.logger.Debug("not banned", "prefix", prefix, "rule", rule.Group+"/"+rule.Name, "why", err)
		return
	}
	if action != "" {
		e.bans.changed = true
		e.logger.Debug("banned", "prefix", prefix, "rule", rule.Group+"/"+rule.Name, "action", action, "ttl_seconds", added.TTL.Seconds())
	}
}

// close gives up what is open; bans stay.
func (b *banner) close(logger *slog.Logger) {
	if err := b.store.Save(true); err != nil {
		logger.Error(banTrouble, "err", err)
	}
	b.requests.Close()
}
