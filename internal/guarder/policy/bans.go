package policy

import (
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Bans are who is banned while packets are judged that came at known times: those of a
// capture, or of a test. They are what the kernel's program and the agent do together, but
// for the moment that the agent takes: a ban is there for the next packet. They are for one
// goroutine.
//
//	bans := policy.NewBans(p, own)
//	env.Banned = bans.Banned
//	for each packet:
//		bans.At(time)
//		j := p.Judge(packet, env)
//		made := bans.Judged(packet, j)
//
// Who must not be banned is as far known as the policy and the addresses of the host say;
// of gateways, name servers and operators only the agent knows.
type Bans struct {
	policy *Policy
	store  *ban.Store
	never  *ban.Never
	hits   map[banKey]time.Duration
	// began is the time of the first packet, and at how long ago that is.
	began time.Time
	at    time.Duration
	// next is when a ban ends, or 0; version is of the set of bans.
	next    time.Duration
	version int
	// asked tells that rules ask for bans.
	asked bool
}

// A banKey is whose packets are counted together, of which rule.
type banKey struct {
	rule int
	of   netip.Prefix
}

// NewBans returns those of a host with these addresses, on which nobody is banned.
func NewBans(p *Policy, own []netip.Addr) *Bans {
	b := &Bans{policy: p, never: ban.NewNever(), hits: make(map[banKey]time.Duration)}
	clock := ban.Clock{Wall: func() time.Time { return b.began.Add(b.at) }, Boot: func() time.Duration { return b.at }}
	b.store, _ = ban.Open("", clock) // fails for folders only
	for _, a := range own {
		b.never.AddAddr(a, "an address of this host")
	}
	p.Trusted(b.never.Add)
	b.asked = slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Ban != nil })
	return b
}

// At has it be a time, which does not go back.
func (b *Bans) At(now time.Time) {
	if b.began.IsZero() {
		b.began = now
	}
	b.at = max(b.at, now.Sub(b.began))
	if b.next != 0 && b.at >= b.next {
		_, b.next = b.store.Expire()
		b.version++
	}
}

// Add bans somebody, as an agent told. The error is that of [ban.Store.Add].
func (b *Bans) Add(r ban.Request) (ban.Ban, error) {
	made, action, err := b.store.Add(r, b.never)
	b.changed(action)
	return made, err
}

func (b *Bans) changed(a ban.Action) {
	if a == ban.Added || a == ban.WouldBan {
		_, b.next = b.store.Expire()
		b.version++
	}
}

// Of returns the ban that a packet of an address meets: the one in force, or else the one
// that is only audited; nil if there is none. It is valid until the next call.
func (b *Bans) Of(a netip.Addr) *ban.Ban {
	enforced, audited := b.store.Of(a)
	if enforced == nil {
		return audited
	}
	return enforced
}

// Audits tells whether a ban drops nobody: its rule is audited, or all of the policy.
func (b *Bans) Audits(of *ban.Ban) bool { return of.Audit || b.policy.BanMode == Audit }

// Banned has the shape of [Env.Banned].
func (b *Bans) Banned(a netip.Addr) Banned {
	enforced, audited := b.store.Of(a)
	switch b.policy.BanMode {
	case Enforce:
		return Banned{Enforced: enforced != nil, Audited: audited != nil}
	case Audit:
		return Banned{Audited: enforced != nil || audited != nil}
	}
	return Banned{}
}

// Judged takes note of what became of a packet: bans whose packets it dropped may be
// renewed, and rules may have its source banned. It returns the ban that is made, or that
// would be made if it were enforced; nil if none is.
func (b *Bans) Judged(p *packet.Packet, j Judgement) (made *ban.Ban) {
	if p.Family == 0 || j.Reason != packet.OK {
		return nil
	}
	if j.Ban == BanDropped {
		b.renew(p.Source)
	}
	for _, i := range []int{j.WouldDrop, j.By} {
		if i == None || b.policy.Rules[i].Ban == nil || b.policy.Rules[i].Action != Drop {
			continue
		}
		if of := b.hit(i, p.Source); of != nil {
			made = of
		}
	}
	return made
}

// renew puts off the end of a ban whose source still sends.
func (b *Bans) renew(a netip.Addr) {
	if of, _ := b.store.Of(a); of != nil && b.store.Saw(of.Prefix, b.at) {
		_, b.next = b.store.Expire()
	}
}

// hit takes note that a rule that bans has dropped a packet, or would have.
func (b *Bans) hit(i int, source netip.Addr) *ban.Ban {
	r := &b.policy.Rules[i]
	switch is := b.Banned(source); {
	case is.Enforced: // a rule of the guard stage, which comes before bans
		if r.Mode == Enforce {
			b.renew(source)
		}
		return nil
	case is.Audited && r.Mode == Audit, !b.tooOften(i, source):
		return nil
	}
	prefix := r.Ban.Prefix(source)
	if b.never.Check(prefix) != nil {
		prefix = netip.PrefixFrom(source, source.BitLen())
	}
	made, action, err := b.store.Add(r.BanRequest(prefix, r.Mode == Audit), b.never)
	b.changed(action)
	if err != nil || action != ban.Added && action != ban.WouldBan {
		return nil
	}
	return &made
}

// tooOften counts a packet of a source, and tells whether they are more than the rule may
// drop before it bans.
func (b *Bans) tooOften(i int, source netip.Addr) bool {
	banning := b.policy.Rules[i].Ban
	interval, tolerance := banning.Pace()
	if interval == 0 {
		return true
	}
	key := banKey{i, banning.Prefix(source)}
	due := max(b.hits[key], b.at)
	if due-b.at > tolerance {
		return true
	}
	b.hits[key] = due + interval
	return false
}

// Rows are what the kernel has to know, with a version that is another whenever they are.
// Their ends are not those of the kernel's clock.
func (b *Bans) Rows() ([]ban.Row, int) { return b.store.Rows(nil), b.version }

// Version is that of the rows: 0 while nobody ever was banned.
func (b *Bans) Version() int { return b.version }

// May tells whether anybody may ever be banned.
func (b *Bans) May() bool { return b.version > 0 || b.asked }

// Prefix returns what is banned with a source.
func (b *Banning) Prefix(source netip.Addr) netip.Prefix {
	bits := b.Bits6
	if source.Is4() {
		bits = b.Bits4
	}
	return netip.PrefixFrom(source, bits).Masked()
}
