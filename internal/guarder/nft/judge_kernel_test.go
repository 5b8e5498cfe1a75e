//go:build kernel && linux

package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

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

// TestNftablesAgrees sends random packets through random policies.
func TestNftablesAgrees(t *testing.T) {
	seed := fromEnvironment(t, seedVariable, uint64(time.Now().UnixNano()))
	t.Logf("%s=%d", seedVariable, seed)
	m := maker{rand.New(rand.NewPCG(seed, 2))}
	r := newRange(t)
	var passed, dropped, policies int
	rounds := uint64(100)
	if testnet.InVM() {
		rounds = 10
	}
	for range fromEnvironment(t, roundVariable, rounds) {
		p := m.policy()
		if err := r.install(p); err != nil {
			t.Fatalf("%s: %v", show(p), err)
		}
		policies++
		frames := m.frames(framesPerPolicy)
		got := r.send(t, frames)
		for i, frame := range frames {
			pkt := packet.Parse(frame)
			j := p.Judge(&pkt, &policy.Env{})
			if want := j.Verdict == policy.Passed; want != got[i] {
				t.Fatalf("nftables passed the packet: %t, the policy: %t by rule %d\npacket %+v, ICMP %+v\nframe %x\n%s", got[i], want, j.By, pkt, pkt.ICMP, frame, show(p))
			} else if want {
				passed++
			} else {
				dropped++
			}
		}
	}
	t.Logf("%d policies, %d packets passed, %d dropped", policies, passed, dropped)
	if all := passed + dropped; policies == 0 || passed*10 < all || dropped*10 < all {
		t.Error("the random policies decide too little to prove anything")
	}
}

// TestNftablesDiffers shows that the comparison can fail: a policy with one rule
// turned round is not the same.
func TestNftablesDiffers(t *testing.T) {
	m := maker{rand.New(rand.NewPCG(1, 2))}
	r := newRange(t)
	match := policy.Protocols{packet.TCP}
	if err := r.install(&policy.Policy{Rules: []policy.Rule{{Mode: policy.Enforce, Action: policy.Drop, Match: policy.Not{Of: match}}}}); err != nil {
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

// A shootingRange is a wire with a packet filter at its end, and sockets behind it.
type shootingRange struct {
	net     *testnet.Net
	wire    *testnet.Wire
	sockets [2]int // of IPv4 and IPv6
	conn    *nftables.Conn
}

func newRange(t *testing.T) *shootingRange {
	t.Helper()
	r := &shootingRange{net: testnet.New(t)}
	r.wire = r.net.Left.Wire(t)
	r.net.Right.Do(t, func() {
		var err error
		if r.conn, err = nftables.New(nftables.AsLasting()); err != nil {
			t.Fatalf("open nftables: %v", err)
		}
		for i, kind := range []uint16{unix.ETH_P_IP, unix.ETH_P_IPV6} {
			if r.sockets[i], err = listen(kind); err != nil {
				t.Fatalf("open packet socket: %v", err)
			}
		}
	})
	t.Cleanup(func() {
		r.conn.CloseLasting()
		for _, fd := range r.sockets {
			unix.Close(fd)
		}
	})
	return r
}

// listen opens a packet socket for one EtherType. Such sockets are behind the ingress
// hook; those for all types are in front of it.
func listen(kind uint16) (int, error) {
	order := binary.BigEndian.AppendUint16(nil, kind)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(binary.NativeEndian.Uint16(order)))
	if err != nil {
		return -1, err
	}
	wait := unix.NsecToTimeval(int64(testnet.Margin(5 * time.Second)))
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
	); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// fence is the source address of the last frame of a volley, which passes any policy.
var fence = [6]byte{2, 0, 0, 0xff, 0xff, 0xff}

// install replaces the rules by those of a policy.
func (r *shootingRange) install(p *policy.Policy) error {
	table := &nftables.Table{Family: nftables.TableFamilyNetdev, Name: "policy"}
	accept := nftables.ChainPolicyAccept
	chain := &nftables.Chain{
		Name: "ingress", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress,
		Priority: nftables.ChainPriorityFilter, Policy: &accept, Device: r.net.Right.Device,
	}
	var list [][]expr.Any
	add := func(match [][]expr.Any, verdict expr.VerdictKind) {
		for _, one := range match {
			list = append(list, append(one[:len(one):len(one)], &expr.Verdict{Kind: verdict}))
		}
	}
	add([][]expr.Any{compare(payload(expr.PayloadBaseLLHeader, 6, 6), expr.CmpOpEq, fence[:]).yes}, expr.VerdictAccept)
	for _, rule := range p.Rules {
		verdict := expr.VerdictAccept
		switch {
		case rule.Action == policy.Drop && rule.Mode == policy.Enforce:
			verdict = expr.VerdictDrop
		case rule.Action != policy.Pass:
			continue // it only counts
		}
		f, err := translate(rule.Match)
		if err != nil {
			return err
		}
		match, err := rules(f)
		if err != nil {
			return err
		}
		add(match, verdict)
	}
	r.conn.AddTable(table) // so that there is one to delete
	r.conn.DelTable(table)
	r.conn.AddTable(table)
	r.conn.AddChain(chain)
	// In several steps, as the answers to all at once do not fit the socket's buffer.
	for step := range slices.Chunk(list, 40) {
		for _, exprs := range step {
			r.conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: exprs})
		}
		if err := r.conn.Flush(); err != nil {
			return fmt.Errorf("install %d rules on the ingress hook: %w (needs nf_tables with netdev tables, Linux 4.2)", len(list), err)
		}
	}
	return nil
}

// send sends frames and a fence of each family, and tells which arrived.
func (r *shootingRange) send(t *testing.T, frames [][]byte) []bool {
	t.Helper()
	m := maker{rand.New(rand.NewPCG(0, 0))}
	volley := frames[:len(frames):len(frames)]
	for _, six := range []bool{false, true} {
		f := packet.Frame{SourceMAC: fence, Source: m.address(six), Destination: m.address(six), Protocol: packet.UDP}
		volley = append(volley, f.Bytes())
	}
	for _, frame := range volley {
		if err := r.wire.Send(frame); err != nil {
			t.Fatal(err)
		}
	}
	arrived := make([]bool, len(frames))
	buffer := make([]byte, 2048)
	for i, fd := range r.sockets {
		for {
			n, _, err := unix.Recvfrom(fd, buffer, 0)
			if err != nil {
				t.Fatalf("wait for the end of the volley on socket %d: %v", i, err)
			}
			source := [6]byte(buffer[6:12])
			if n >= 14 && source == fence {
				break
			}
			if number := int(binary.BigEndian.Uint16(source[4:])); n >= 14 && source == numbered(number) && number < len(arrived) {
				arrived[number] = true
			}
		}
	}
	return arrived
}
