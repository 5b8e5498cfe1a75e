//go:build kernel && linux

package nft

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// Variables of the environment: where random values begin, and how many policies are
// tried.
const (
	seedVariable  = "PACKETSCOPE_TEST_SEED"
	roundVariable = "PACKETSCOPE_TEST_POLICIES"
)

func fromEnvironment(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// framesPerPolicy fit a socket's buffer.
const framesPerPolicy = 200

// guarderEvery is of how many policies one is tried in XDP too, where the verifier
// takes a third of a second for each.
const guarderEvery = 5

// TestNftablesAgrees sends random packets through random policies, to nftables and to
// the compiled policy in XDP: both must pass what the policy passes. There are more policies than
// asked for if these happen to pass, or to drop, nearly everything.
func TestNftablesAgrees(t *testing.T) {
	seed := fromEnvironment(t, seedVariable, uint64(time.Now().UnixNano()))
	t.Logf("%s=%d", seedVariable, seed)
	m := maker{rand.New(rand.NewPCG(seed, 2))}
	byNftables, byGuarder := newRange(t), newRange(t)
	var passed, dropped int
	rounds := uint64(100)
	if testnet.InVM() {
		rounds = 10
	}
	rounds = fromEnvironment(t, roundVariable, rounds)
	few := func() bool { return min(passed, dropped)*10 < passed+dropped }
	for round := uint64(0); round < rounds || round < 5*rounds && few(); round++ {
		p := m.policy()
		if err := byNftables.install(p); err != nil {
			t.Fatalf("%v\n%s", err, show(p))
		}
		frames := m.frames(framesPerPolicy)
		nftables := byNftables.send(t, frames)
		guarder := nftables
		if round%guarderEvery == 0 {
			byGuarder.guard(t, p)
			guarder = byGuarder.send(t, frames)
		}
		for i, frame := range frames {
			pkt := packet.Parse(frame)
			j := p.Judge(&pkt, &policy.Env{})
			want := j.Verdict == policy.Passed
			if nftables[i] != want || guarder[i] != want {
				t.Fatalf("passed by the policy: %t (rule %d), by nftables: %t, by XDP: %t\npacket %+v, ICMP %+v\nframe %x\n%s",
					want, j.By, nftables[i], guarder[i], pkt, pkt.ICMP, frame, show(p))
			}
			if want {
				passed++
			} else {
				dropped++
			}
		}
	}
	t.Logf("%d policies or more, %d packets passed, %d dropped", rounds, passed, dropped)
	if few() {
		t.Error("the random policies decide too little to prove anything")
	}
}

// TestNftablesDiffers shows that the comparison can fail: a policy with one rule
// turned round is not the same.
func TestNftablesDiffers(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(1, 2))}
	r := newRange(t)
	match := policy.Protocols{packet.TCP}
	if err := r.install(&policy.Policy{Rules: []policy.Rule{fencePasses, {Mode: policy.Enforce, Action: policy.Drop, Match: policy.Not{Of: match}}}}); err != nil {
		t.Fatal(err)
	}
	other := &policy.Policy{Rules: []policy.Rule{{Mode: policy.Enforce, Action: policy.Drop, Match: match}}}
	frames := m.frames(framesPerPolicy)
	for i, passed := range r.send(t, frames) {
		pkt := packet.Parse(frames[i])
		if want := other.Judge(&pkt, &policy.Env{}).Verdict == policy.Passed; want == passed {
			t.Errorf("packet %d of protocol %d: both say %t", i, pkt.Protocol, want)
		}
	}
}

// frames returns frames that can be read; each has its number in the source address.
func (m maker) frames(n int) [][]byte {
	frames := make([][]byte, 0, n)
	for len(frames) < n {
		f := m.frame()
		f.SourceMAC = numbered(len(frames))
		if b := f.Bytes(); packet.Parse(b).Reason == packet.OK {
			frames = append(frames, b)
		}
	}
	return frames
}

func numbered(n int) [6]byte { return [6]byte{2, 0, 0, 0, byte(n >> 8), byte(n)} }

func show(p *policy.Policy) string {
	text := ""
	for i, r := range p.Rules {
		text += fmt.Sprintf("rule %d: action %d mode %d %#v\n", i, r.Action, r.Mode, r.Match)
	}
	return text
}
