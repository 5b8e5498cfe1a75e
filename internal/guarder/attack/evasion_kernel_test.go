//go:build kernel && linux

package attack

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// guardedPort is where the victim listens, and what the policy drops.
const guardedPort = 4444

// onlyThePort is a policy of one rule.
const onlyThePort = `version: 1
defaults: {mode: enforce}
groups:
- name: services
  stage: policy
  rules:
  - rule: the-port
    match: {proto: [tcp, udp], dst_port: 4444}
    action: drop
`

// An evasion is a datagram to the guarded port, in frames that hide it.
type evasion struct {
	name   string
	frames func(s *scene) [][]byte
	// tagged tells that the bare victim takes it only if it has VLAN devices.
	tagged bool
}

// evasions returns those of one family.
func evasions(six bool) []evasion {
	datagram := func(s *scene, change func(f *packet.Frame)) *packet.Frame {
		f := packet.Frame{
			Source: stranger, Destination: s.victim.V4, Protocol: packet.UDP, ID: 77,
			SourcePort: 40_000, DestinationPort: guardedPort, Payload: []byte("a datagram of more than one fragment"),
		}
		if six {
			f.Source, f.Destination = stranger6, s.victim.V6
		}
		if change != nil {
			change(&f)
		}
		return s.addressed(f)
	}
	whole := func(change func(f *packet.Frame)) func(s *scene) [][]byte {
		return func(s *scene) [][]byte { return [][]byte{datagram(s, change).Bytes()} }
	}
	cut := func(size int, change func(f *packet.Frame)) func(s *scene) [][]byte {
		return func(s *scene) [][]byte { return datagram(s, change).Fragments(size) }
	}
	tags := func(ids ...uint16) func(f *packet.Frame) {
		return func(f *packet.Frame) { f.Tags = ids }
	}
	all := []evasion{
		{name: "plain", frames: whole(nil)},
		{name: "VLAN", frames: whole(tags(10)), tagged: true},
		{name: "priority tag", frames: whole(tags(0))},
		{name: "QinQ", frames: whole(tags(20, 21)), tagged: true},
		{name: "fragments", frames: cut(16, nil)},
		{name: "fragments of 8 bytes", frames: cut(8, nil)},
		{name: "fragments, the last one first", frames: func(s *scene) [][]byte {
			frames := datagram(s, nil).Fragments(16)
			for i, j := 0, len(frames)-1; i < j; i, j = i+1, j-1 {
				frames[i], frames[j] = frames[j], frames[i]
			}
			return frames
		}},
		{name: "fragments in a VLAN", frames: cut(16, tags(10)), tagged: true},
	}
	if !six {
		return append(all, evasion{name: "options", frames: whole(func(f *packet.Frame) { f.Options = []byte{148, 4, 0, 0, 1, 1, 1, 1} })})
	}
	chain := func(headers ...packet.Header) func(f *packet.Frame) {
		return func(f *packet.Frame) {
			for _, h := range headers {
				f.Extensions = append(f.Extensions, packet.Extension{Header: h, Size: 64})
			}
		}
	}
	return append(all,
		evasion{name: "destination options", frames: whole(chain(packet.Destination))},
		evasion{name: "hop-by-hop and destination options", frames: whole(chain(packet.HopByHop, packet.Destination))},
		evasion{name: "six headers", frames: whole(chain(packet.Destination, packet.Destination, packet.Destination, packet.Destination, packet.Destination, packet.Destination))},
		evasion{name: "an atomic fragment", frames: whole(chain(packet.FragmentHeader))},
		evasion{name: "headers before and behind that of fragments", frames: cut(80, chain(packet.Destination, packet.FragmentHeader, packet.Destination))},
	)
}

// stranger6 is an address of IPv6 that nobody here has.
var stranger6 = netip.MustParseAddr("2001:db8:66::66")

// TestNothingSlipsPastAPortRule: what reaches the bare victim's socket in disguise
// does not reach it behind a rule that knows nothing but the port.
func TestNothingSlipsPastAPortRule(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(onlyThePort), 0o600); err != nil {
		t.Fatal(err)
	}
	for family, six := range map[string]bool{"IPv4": false, "IPv6": true} {
		for name, shield := range map[string]Shield{"bare": nil, "guarded": byFile(policy)} {
			t.Run(family+"/"+name, func(t *testing.T) {
				s := newScene(t, shield)
				vlans := s.addVLANs(t)
				conn := s.listen(t, guardedPort)
				for _, e := range evasions(six) {
					before := s.dropped()
					for _, frame := range e.frames(s) {
						s.injectBytes(t, frame)
					}
					want := shield == nil && (!e.tagged || vlans) // or there is nobody to arrive at
					got, err := received(conn, patienceFor(want))
					switch {
					case err != nil:
						t.Errorf("%s: %v", e.name, err)
					case got != want:
						t.Errorf("%s: the datagram arrives: %v", e.name, got)
					case shield != nil && s.dropped() == before:
						t.Errorf("%s: it did not arrive, but the rule dropped nothing", e.name)
					}
				}
			})
		}
	}
}

// received tells whether a datagram arrives in time.
func received(conn *net.UDPConn, within time.Duration) (bool, error) {
	conn.SetReadDeadline(time.Now().Add(within))
	_, err := conn.Read(make([]byte, 2048))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	return err == nil, err
}

// listen opens a socket of the victim for both families.
func (s *scene) listen(t *testing.T, port int) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	s.victim.Do(t, func() {
		var err error
		if conn, err = net.ListenUDP("udp", &net.UDPAddr{Port: port}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// addVLANs gives the victim devices for the tags of the evasions: 10, and 21 in 20. It
// returns false on a kernel that has none, which those of the emulated machines have.
func (s *scene) addVLANs(t *testing.T) (added bool) {
	t.Helper()
	added = true
	s.victim.Do(t, func() {
		parent := s.victim.Device
		for _, v := range []struct {
			id       int
			protocol netlink.VlanProtocol
			on       string
		}{{10, netlink.VLAN_PROTOCOL_8021Q, parent}, {20, netlink.VLAN_PROTOCOL_8021AD, parent}, {21, netlink.VLAN_PROTOCOL_8021Q, "vlan20"}} {
			l, err := netlink.LinkByName(v.on)
			if err != nil {
				t.Fatal(err)
			}
			device := &netlink.Vlan{
				LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprint("vlan", v.id), ParentIndex: l.Attrs().Index}, VlanId: v.id, VlanProtocol: v.protocol,
			}
			err = netlink.LinkAdd(device)
			if errors.Is(err, unix.EOPNOTSUPP) && !testnet.InVM() {
				added = false
				return
			}
			if err := errors.Join(err, netlink.LinkSetUp(device)); err != nil {
				t.Fatalf("make device %s: %v", device.Name, err)
			}
			// What comes for an address of another device is taken too.
			s.victim.Set(t, "ipv4/conf/"+device.Name+"/rp_filter", "0")
		}
	})
	return added
}
