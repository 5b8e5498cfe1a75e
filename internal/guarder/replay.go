//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
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

// NewRehearsal brings a policy into the kernel, on a host with these addresses.
func NewRehearsal(p *policy.Policy, own []netip.Addr) (*Rehearsal, error) {
	r := &Rehearsal{policy: p, own: own, generations: make(map[string]*compile.Generation)}
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
	g, err := tables.Load(compile.LoadOptions{Own: r.own, Explain: true})
	if err != nil {
		return nil, err
	}
	r.generations[device] = g
	return g, nil
}

// Judge has the kernel's program judge a packet that comes from a device; "" is one
// whose name no rule has. No connection is kept, and no peer protected. It returns the
// first 16 rules that counted. Fragments are compared with those that this device had in
// the last 30 seconds of real time.
//
// A frame that XDP never sees is [ErrShortFrame] or [ErrLongFrame].
func (r *Rehearsal) Judge(device string, frame []byte) (policy.Judgement, error) {
	if err := Judgeable(frame); err != nil {
		return policy.Judgement{}, err
	}
	g, err := r.on(device)
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
	return judgementOf(result), nil
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
