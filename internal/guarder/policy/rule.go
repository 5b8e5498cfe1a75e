package policy

import (
	"hash/fnv"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Stage is when a rule is tried.
type Stage uint8

// The stages, in order.
const (
	Guard      Stage = iota // before everything else: hygiene that cannot hit well-formed management traffic
	Failsafe                // what must never be cut off
	PolicyRule              // everything else
)

// A Mode says what a rule that drops may do.
type Mode uint8

// The modes, from the weakest; the ceiling of a host is one of them.
const (
	Off Mode = iota // the rule is not there
	Audit
	Enforce
)

// An Action is what a rule does with what it matches.
type Action uint8

// The actions.
const (
	Pass Action = iota
	Drop
	Count
	Sample // count, and copy to user space
)

// A Position is a place in a file; lines and columns count from 1.
type Position struct {
	File         string
	Line, Column int
}

// A Rule is one rule, with everything resolved.
type Rule struct {
	Group, Name string
	Stage       Stage
	// Mode is the effective one: of the rule, its group or the defaults, and never
	// above the ceiling. No rule of a Policy is Off. Asks is what it would be without
	// a ceiling.
	Mode, Asks Mode
	Action     Action
	Match      Expr
	// Interfaces are the names of devices that the rule is for; nil means all that
	// the policy is attached to.
	Interfaces []string
	// Labels and Annotations are texts for metrics, samples and alerts.
	Labels, Annotations map[string]string
	// Sample says how many of the matched packets are copied to user space, whatever
	// becomes of them; nil means none.
	Sample *Sampling
	// Alert says when somebody is told that the rule matches; nil means never.
	Alert *Alert
	// Ban says that sources are banned whose packets the rule drops; nil means that they
	// are not. Judge knows nothing of it: see Bans.
	Ban *Banning
	// Until is when the rule ends, as its file is temporary; zero means never. A packet
	// that comes at that time or later is not judged by it.
	Until time.Time
	// Limit, if not nil, is the rate up to which the rule does nothing.
	Limit *Limit
	// SYNCookie, if not nil, says when the rule answers SYNs.
	SYNCookie *SYNCookie
	At        Position
}

// Sampling limits the copies of packets.
type Sampling struct {
	Rate float64 // packets per second, of one rule; 0 means none
	Snap int     // bytes of each packet, at most MaxSnap
}

// MaxSnap is the most bytes of a packet that are copied: more than a frame of the
// usual length has. Longer packets are copied in part.
const MaxSnap = 2048

// ID identifies the rule over reloads: its counters go on as long as group and name
// stay the same.
func (r *Rule) ID() uint64 {
	hash := fnv.New64a()
	hash.Write([]byte(r.Group + "\x00" + r.Name))
	return hash.Sum64()
}

// A Policy is what is compiled: the rules in the order in which they are tried.
type Policy struct {
	Rules []Rule
	// Attach are the interfaces that the files name, in the order of the files; nil
	// means that the files leave it open. Those with * ? or [ are patterns of
	// path.Match. Optional are those that need not exist.
	Attach, Optional []string
	// Named is each place where a file names an interface.
	Named []NamedInterface
	// Fingerprint tells policies apart by the texts of their files, in their order, and
	// by the ceiling. The files that sets name do not go into it: they change without
	// anybody who could confirm the policy each time. Nor do files that are over.
	Fingerprint [32]byte
	texts       []text
	ceiling     Mode
	// setEnds are the ends of temporary sets, by name.
	setEnds map[string]time.Time
	// Feeds are tried in this order, between the failsafe and the policy stage. None is
	// Off.
	Feeds []Feed
	// Life says how a policy is put in force.
	Life Life
	// BanMode is what bans do: as rules that ask to be enforced.
	BanMode Mode
	// Unparsable is what becomes of packets that cannot be read: Pass or Drop.
	Unparsable     Action
	UnparsableMode Mode
	// UnparsableSample says how many of those are copied to user space; nil means
	// none.
	UnparsableSample *Sampling
	// Sets are the large ones, which rules name.
	Sets map[string]*Set
	// Bindings are the sets of pairs of addresses.
	Bindings map[string]*BindingSet
	// Entries are how many entries each named set has, of all types and sizes.
	Entries map[string]int
}

// A NamedInterface is a place where a file names an interface, or a pattern.
type NamedInterface struct {
	Name     string
	Optional bool
	At       Position
	In       string // as in Fault
}

// Life is how a policy is put in force and how it is given up, from "failsafe:".
type Life struct {
	// KeepEstablished: connections that are established when the policy is put in
	// force are never cut by a rule of the policy stage.
	KeepEstablished bool
	// ProtectApplier is for how long the peer that put the policy in force is not
	// dropped; 0 means not at all.
	ProtectApplier time.Duration
	// ConfirmWithin is the time after which the policy is taken back unless it was
	// confirmed; 0 means that it needs no confirmation.
	ConfirmWithin time.Duration
	// TripWire makes the whole policy audit when it drops too much; nil means never.
	TripWire *TripWire
}

// A TripWire falls if more than DroppedRatio of the packets are dropped for the time
// Over, while at least MinRate packets per second arrive.
type TripWire struct {
	DroppedRatio, MinRate float64
	Over                  time.Duration
}

// A Verdict is what became of a packet.
type Verdict uint8

// The verdicts.
const (
	Passed Verdict = iota
	Dropped
)

// None stands for no rule.
const None = -1

// A Judgement is the verdict on a packet, with the rules that are credited, as
// indices of [Policy.Rules].
type Judgement struct {
	Verdict Verdict
	// By is the rule that ended the search, or None.
	By int
	// WouldDrop is the first audited rule that would have dropped, or None.
	WouldDrop int
	// Kept is the first rule that was not credited, although it drops, enforced or audited,
	// because the packet is kept ([Env.Kept]); else None.
	Kept int
	// Answered tells that By drops a SYN and has sent its answer.
	Answered bool
	// Counted are the rules that counted or sampled, in order.
	Counted []int
	// Within are the rules that match, but whose state has them do nothing, in order.
	Within []int
	// Listed is what feeds did.
	Listed Listed
	// Ban is what a ban did.
	Ban BanVerdict
	// Reason, if it is not OK, is why the packet could not be read; then no rule is
	// credited, and Unparsable says whether it was dropped or would have been.
	Reason packet.Reason
}

// verdictOf is the only place where an action and a mode become a verdict. It
// returns Dropped for nothing but an enforced drop, so a policy whose rules are all
// audited cannot drop.
func verdictOf(action Action, mode Mode) Verdict {
	if action == Drop && mode == Enforce {
		return Dropped
	}
	return Passed
}

// Judge judges a packet in an environment.
func (p *Policy) Judge(pkt *packet.Packet, env *Env) Judgement {
	j := Judgement{By: None, WouldDrop: None, Kept: None, Reason: pkt.Reason}
	if pkt.Reason != packet.OK {
		j.Verdict = verdictOf(p.Unparsable, p.UnparsableMode)
		return j
	}
	bans, feeds := env.Banned != nil, env.Feeds != nil && len(p.Feeds) > 0
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Stage == PolicyRule && bans {
			if bans = false; p.judgeBan(pkt, env, &j) {
				return j
			}
		}
		if r.Stage == PolicyRule && feeds {
			if feeds = false; p.judgeFeeds(pkt, env, &j) {
				return j
			}
		}
		if !r.of(env) || !env.Eval(r.Match, pkt) {
			continue
		}
		if r.Stateful() && !env.States.Over(r, pkt, env) {
			j.Within = append(j.Within, i)
			continue
		}
		switch {
		case r.Action == Count || r.Action == Sample:
			j.Counted = append(j.Counted, i)
		case r.Action == Drop && r.Mode == Audit:
			if j.WouldDrop != None || j.Kept != None || j.Listed.WouldDrop != "" || j.Listed.Kept != "" || j.Ban != NotBanned {
				continue
			}
			if env.keeps(pkt, r) {
				j.Kept = i
			} else {
				j.WouldDrop = i
			}
		case env.keeps(pkt, r):
			if j.Kept == None && j.Listed.Kept == "" && j.Ban != BanWouldKept {
				j.Kept = i
			}
			return j
		default:
			j.By, j.Verdict = i, verdictOf(r.Action, r.Mode)
			j.Answered = r.Answers(pkt)
			return j
		}
	}
	if bans && p.judgeBan(pkt, env, &j) {
		return j
	}
	if feeds {
		p.judgeFeeds(pkt, env, &j)
	}
	return j
}

// of tells whether the rule is there, for the device.
func (r *Rule) of(env *Env) bool {
	if r.Over(env.Now) {
		return false
	}
	if r.Interfaces == nil {
		return true
	}
	return Interfaces(r.Interfaces).Has(env.Interface)
}
