//go:build kernel && linux

package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A shootingRange is a wire with a packet filter at its end, and sockets behind it.
type shootingRange struct {
	net     *testnet.Net
	wire    *testnet.Wire
	sockets [2]int // of IPv4 and IPv6
	conn    *nftables.Conn
	xdp     link.Link // nil until the first policy
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

// fence is the source address of the last frame of each family in a volley. It has
// hops that no other frame has; fencePasses is the first rule of every policy.
var (
	fence       = [6]byte{2, 0, 0, 0xff, 0xff, 0xff}
	fencePasses = policy.Rule{
		Mode: policy.Enforce, Action: policy.Pass,
		Match: policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: fenceHops, High: fenceHops}}},
	}
)

const fenceHops = 77

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

// guard puts a policy in front of the range as Guarder does: compiled, in XDP.
func (r *shootingRange) guard(t *testing.T, p *policy.Policy) {
	t.Helper()
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := tables.Load(compile.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close() // the device keeps it
	if r.xdp != nil {
		if err := r.xdp.Update(g.Program); err != nil {
			t.Fatal(err)
		}
		return
	}
	r.net.Right.Do(t, func() {
		device, err := net.InterfaceByName(r.net.Right.Device)
		if err != nil {
			t.Fatal(err)
		}
		r.xdp, err = link.AttachXDP(link.XDPOptions{Program: g.Program, Interface: device.Index, Flags: link.XDPDriverMode})
		if err != nil {
			t.Fatalf("attach xdp to %q: %v", device.Name, err)
		}
	})
	t.Cleanup(func() { r.xdp.Close() })
}

// send sends frames and a fence of each family, and tells which arrived.
func (r *shootingRange) send(t *testing.T, frames [][]byte) []bool {
	t.Helper()
	m := maker{rand.New(rand.NewPCG(0, 0))}
	volley := frames[:len(frames):len(frames)]
	for _, six := range []bool{false, true} {
		f := packet.Frame{SourceMAC: fence, TTL: fenceHops, Source: m.address(six), Destination: m.address(six), Protocol: packet.UDP}
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
			if err == unix.EINTR {
				continue // the runtime's signals end a call that has a timeout (signal(7))
			}
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
