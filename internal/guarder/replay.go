//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Rehearsal is a policy in the kernel, in force nowhere and with counters of its own,
// to learn what it would do with packets. It is not safe for several goroutines at once.
type Rehearsal struct {
	policy *policy.Policy
	own    []netip.Addr
	// generations are by the name of the device that packets come from: trial runs
	// are on the loopback device, which is given that name.
	generations map[string]*compile.Generation
	// lists are what feeds list, by their index in the policy; credited is what feeds
	// were credited with by now, by device.
	lists    []feed.Row
	credited map[string][][4]bpf.GuardCount
	// bans are who is banned, and known the version of that which is in the kernel, by
	// device.
	bans  *policy.Bans
	known map[string]int
	clock ban.Clock
	// stateful tells that rules remember packets; their time is elapsed since the first.
	stateful bool
	began    time.Time
	elapsed  time.Duration
}

// mostRehearsed is from how many devices packets may come in one rehearsal.
const mostRehearsed = 16

// Errors about frames that no device would give to an XDP program.
var (
	ErrShortFrame = errors.New("it is shorter than an Ethernet header")
	ErrLongFrame  = errors.New("it is longer than a driver gives to XDP")
)

// Judgeable returns nil, or why no XDP program ever sees such a frame: longer ones do
// not fit into a page with what the kernel keeps around them (XDP_PACKET_HEADROOM, and
// struct skb_shared_info, of include/net/xdp.h).
func Judgeable(frame []byte) error {
	const header, around = 14, 256 + 320
	switch longest := os.Getpagesize() - around; {
	case len(frame) < header:
		return ErrShortFrame
	case len(frame) > longest:
		return fmt.Errorf("%w (%d bytes)", ErrLongFrame, longest)
	}
	return nil
}

// NewRehearsal brings a policy into the kernel, on a host with these addresses, and with
// these lists of its feeds, whose bits are their index in the policy. Who is banned when a
// packet comes is what the bans say, which the caller keeps; nil means that nobody ever is.
func NewRehearsal(p *policy.Policy, own []netip.Addr, lists []feed.Row, bans *policy.Bans) (*Rehearsal, error) {
	clock, err := ban.SystemClock()
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{
		policy: p, own: own, lists: lists, bans: bans, clock: clock, known: make(map[string]int),
		stateful:    slices.ContainsFunc(p.Rules, func(rule policy.Rule) bool { return rule.Stateful() }),
		generations: make(map[string]*compile.Generation), credited: make(map[string][][4]bpf.GuardCount),
	}
	// So that a policy that cannot be loaded is known before the first packet.
	if _, err := r.on(""); err != nil {
		return nil, err
	}
	return r, nil
}

// on returns the policy as it is for packets of a device.
func (r *Rehearsal) on(device string) (*compile.Generation, error) {
	if g := r.generations[device]; g != nil {
		return g, nil
	}
	if len(r.generations) == mostRehearsed {
		return nil, fmt.Errorf("packets come from more than %d devices", mostRehearsed)
	}
	const loopback = 1 // its index in each network namespace
	tables, err := compile.Compile(r.policy, compile.Options{Interfaces: map[string]int{device: loopback}})
	if err != nil {
		return nil, err
	}
	options := compile.LoadOptions{Own: r.own, Explain: true, FixedClock: true, NoSketch: true}
	if r.bans != nil {
		options.Bans = r.policy.BanMode
	}
	if tables.States != nil {
		buckets, err := compile.NewBuckets()
		if err != nil {
			return nil, err
		}
		defer buckets.Close() // the generation has its own
		options.State = map[string]*ebpf.Map{compile.MapBuckets: buckets}
	}
	g, err := tables.Load(options)
	if err != nil {
		return nil, err
	}
	if err := r.list(g); err != nil {
		g.Close()
		return nil, err
	}
	r.generations[device] = g
	r.credited[device] = make([][4]bpf.GuardCount, len(r.policy.Feeds))
	return g, nil
}

// list puts the lists of feeds in force.
func (r *Rehearsal) list(g *compile.Generation) error {
	if len(r.lists) == 0 {
		return nil
	}
	table, err := compile.NewFeedTable(r.lists)
	if err != nil {
		return err
	}
	defer table.Close()
	return table.Install(g.FeedState())
}

// Judge has the kernel's program judge a packet that came from a device at a time; "" is a
// device whose name no rule has. Limits go by the times of packets, which do not go back. No
// connection is kept, and no peer protected. It returns the first 16 rules that counted.
// Fragments are compared with those that this device had in the last 30 seconds of real
// time.
//
// A frame that XDP never sees is [ErrShortFrame] or [ErrLongFrame].
func (r *Rehearsal) Judge(device string, frame []byte, at time.Time) (policy.Judgement, error) {
	if err := Judgeable(frame); err != nil {
		return policy.Judgement{}, err
	}
	g, err := r.on(device)
	if err != nil {
		return policy.Judgement{}, err
	}
	if err := errors.Join(r.tick(g, at), r.ban(device, g)); err != nil {
		return policy.Judgement{}, err
	}
	banned, err := r.banned(g, frame)
	if err != nil {
		return policy.Judgement{}, err
	}
	if _, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil {
		return policy.Judgement{}, err
	}
	result, err := g.Result()
	if err != nil {
		return policy.Judgement{}, fmt.Errorf("read how it was judged: %w", err)
	}
	j := judgementOf(result)
	if len(r.lists) > 0 {
		j.Listed, err = r.listed(device, g)
	}
	if banned != nil && err == nil {
		j.Ban, err = r.banDid(g, *banned)
	}
	return j, err
}

// tick has limits go by the time of a packet.
func (r *Rehearsal) tick(g *compile.Generation, at time.Time) error {
	if !r.stateful {
		return nil
	}
	if r.began.IsZero() {
		r.began = at
	}
	r.elapsed = max(r.elapsed, at.Sub(r.began))
	// 0 is the time of what never was.
	return g.Map(compile.MapSetup).Put(uint32(0), bpf.GuardSetup{Seed: rehearsedSeed, Clock: uint64(time.Hour + r.elapsed)})
}

// rehearsedSeed is that of hashes in a rehearsal.
const rehearsedSeed = 1

// RehearsedPort stands for the ports that limits of different ports do not tell from one:
// see [policy.States].
func RehearsedPort(port uint16) uint16 { return compile.SamePort(rehearsedSeed, port) }

// ban brings who is banned into the kernel, if it is not known there. In its clock bans last
// for hours; they are taken out when they are over by the times of packets.
func (r *Rehearsal) ban(device string, g *compile.Generation) error {
	if r.bans == nil || r.known[device] == r.bans.Version() {
		return nil
	}
	rows, version := r.bans.Rows()
	end := r.clock.Boot() + ban.Longest
	for i := range rows {
		row := &rows[i]
		row.Renew = 0
		for _, until := range []*time.Duration{&row.Until, &row.Audited} {
			if *until != 0 {
				*until = end
			}
		}
	}
	state := make(map[string]*ebpf.Map)
	for _, name := range compile.BanMaps {
		state[name] = g.Map(name)
	}
	kernel, err := compile.OpenBans(state)
	if err != nil {
		return err
	}
	r.known[device] = version
	return kernel.Set(rows)
}

// banned returns what bans were credited with, if the source of a packet is banned.
func (r *Rehearsal) banned(g *compile.Generation, frame []byte) (*[4]bpf.GuardCount, error) {
	if r.bans == nil || r.bans.Version() == 0 {
		return nil, nil // nobody ever was
	}
	p := packet.Parse(frame)
	if p.Reason != packet.OK || p.Family == 0 || r.bans.Of(p.Source) == nil {
		return nil, nil
	}
	sum, err := r.banCredits(g)
	return &sum, err
}

// banDid returns what a ban did to the last packet, before which bans were credited so.
func (r *Rehearsal) banDid(g *compile.Generation, was [4]bpf.GuardCount) (policy.BanVerdict, error) {
	is, err := r.banCredits(g)
	switch {
	case err != nil:
		return policy.NotBanned, err
	case is[compile.CreditDrop] != was[compile.CreditDrop]:
		return policy.BanDropped, nil
	case is[compile.CreditWouldDrop] != was[compile.CreditWouldDrop]:
		return policy.BanWouldDrop, nil
	}
	return policy.NotBanned, nil
}

// banCredits returns what bans of all origins were credited with.
func (r *Rehearsal) banCredits(g *compile.Generation) (sum [4]bpf.GuardCount, err error) {
	for class := range ban.Classes {
		of, err := fourOf(g.Map(compile.MapBanCounts), uint32(class))
		if err != nil {
			return sum, err
		}
		for i := range sum {
			sum[i].Packets += of[i].Packets
			sum[i].Bytes += of[i].Bytes
		}
	}
	return sum, nil
}

// listed returns what feeds did to the last packet of a device: with what they were
// credited since the one before.
func (r *Rehearsal) listed(device string, g *compile.Generation) (l policy.Listed, err error) {
	for i, was := range r.credited[device] {
		is, err := fourOf(g.Map(compile.MapFeedCounts), uint32(i))
		if err != nil {
			return l, err
		}
		r.credited[device][i] = is
		name := r.policy.Feeds[i].Name
		switch {
		case is[compile.CreditDrop] != was[compile.CreditDrop]:
			l.By = name
		case is[compile.CreditWouldDrop] != was[compile.CreditWouldDrop]:
			l.WouldDrop = name
		case is[compile.CreditCount] != was[compile.CreditCount]:
			l.Counted = append(l.Counted, name)
		}
	}
	return l, nil
}

// fourOf returns an entry of a map with counts, of all processors.
func fourOf(m *ebpf.Map, entry uint32) (sum [4]bpf.GuardCount, err error) {
	var perCPU []bpf.GuardCounts
	if err := m.Lookup(entry, &perCPU); err != nil {
		return sum, fmt.Errorf("read what feeds or bans were credited with: %w", err)
	}
	for _, c := range perCPU {
		for i := range sum {
			sum[i].Packets += c.Of[i].Packets
			sum[i].Bytes += c.Of[i].Bytes
		}
	}
	return sum, nil
}

func judgementOf(r bpf.GuardResult) policy.Judgement {
	number := func(rule uint32) int {
		if rule == noRule {
			return policy.None
		}
		return int(rule)
	}
	j := policy.Judgement{By: number(r.Rule), WouldDrop: number(r.WouldDrop), Kept: number(r.Kept), Reason: packet.Reason(r.Reason)}
	if r.Verdict == xdpDrop {
		j.Verdict = policy.Dropped
	}
	for _, rule := range r.Counts[:min(int(r.Counted), len(r.Counts))] {
		j.Counted = append(j.Counted, int(rule))
	}
	return j
}

// Close gives the policy up.
func (r *Rehearsal) Close() {
	for _, g := range r.generations {
		g.Close()
	}
}
