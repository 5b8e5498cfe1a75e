//go:build kernel && linux

package stack

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// newDropNet opens an engine in the router between left and right.
func newDropNet(t *testing.T, cfg Config) *dropNet {
	t.Helper()
	net := testnet.NewRouted(t)
	cfg.Disable = allBut(GroupDrops, GroupNetfilter)
	return &dropNet{Net: net, lab: open(t, net.Router, cfg), wire: net.Left.Wire(t)}
}

// lost returns what n counts by now, all of it.
func (n *dropNet) lost(t *testing.T) Drops {
	t.Helper()
	d, err := n.Drops()
	must(t, err)
	return d
}

func TestNetfilterDropsAreCountedByHook(t *testing.T) {
	oncePerKernel(t)
	needs(t, probeNamed(t, "netfilter_hook").hooks[0])
	n := newDropNet(t, Config{NetfilterTiming: true})
	want := make(map[NetfilterDrops]uint64)
	for i, hook := range netfilterHooks {
		port := uint16(2001 + i)
		rule := n.Router.DropUDP
		if hook != "input" {
			rule = func(t testing.TB, port uint16) *testnet.Dropper { return n.Router.DropUDPBefore(t, hook, port) }
		}
		rule(t, port)
		for _, f := range testnet.Families {
			count := 3 + 2*i + int(f) // its own for each hook and family
			switch hook {
			case "prerouting", "input":
				n.frames(t, count, n.datagram(t, n.router(f, port)).Bytes())
			case "forward":
				n.frames(t, count, n.datagram(t, n.beyond(f, port)).Bytes())
			default:
				sendFrom(t, n.Router, netip.AddrPortFrom(n.Left.Addr(f), port), count)
			}
			want[NetfilterDrops{Family: f.String(), Hook: hook}] = uint64(count)
		}
	}
	got := make(map[NetfilterDrops]uint64)
	for _, row := range n.lost(t).Netfilter {
		packets := row.Packets
		row.Packets = 0
		got[row] = packets
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("drops by hook (-want +got):\n%s", diff)
	}
}

func TestNetfilterDropsAreAbsentUnlessHooksAreTimed(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	n.Router.DropUDP(t, 2001)
	n.frames(t, 3, n.datagram(t, n.router(testnet.IPv4, 2001)).Bytes())
	if got := n.lost(t).Netfilter; got != nil {
		t.Errorf("drops by hook: %v", got)
	}
}

func TestErrorsThatAreSentAreCountedByTypeAndCode(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	n.Router.Set(t, "ipv4/icmp_ratelimit", "0")
	n.frames(t, 11, n.datagram(t, n.router(testnet.IPv4, 9)).Bytes())
	expired := n.datagram(t, n.beyond(testnet.IPv4, 9))
	expired.Hops = 1
	n.frames(t, 7, expired.Bytes())
	want := []ICMPErrors{{Type: 3, Code: 3, Errors: 11}, {Type: 11, Code: 0, Errors: 7}}
	if diff := cmp.Diff(want, n.lost(t).ICMPErrors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestMissingRoutesAreCountedOnTheWayInAndOut(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	nowhere4, nowhere6 := netip.MustParseAddrPort("203.0.113.9:9"), netip.MustParseAddrPort("[2001:db8:ffff::9]:9")
	n.frames(t, 7, n.datagram(t, nowhere4).Bytes())
	sendFrom(t, n.Router, nowhere4, 3)
	n.frames(t, 5, n.datagram(t, nowhere6).Bytes())
	sendFrom(t, n.Router, nowhere6, 8)
	if diff := cmp.Diff(map[string]uint64{"ipv4": 10, "ipv6": 13}, n.lost(t).RouteFailures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestNeighboursThatDoNotAnswerAreCounted(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	for _, f := range []string{"ipv4", "ipv6"} {
		n.Router.Set(t, f+"/neigh/router1/mcast_solicit", "1")
		n.Router.Set(t, f+"/neigh/router1/retrans_time_ms", "20")
	}
	defer n.Router.ResolveNeighbours(t, "router1")()
	// They fail in a timer, on top of whatever process is current; see witness. So
	// what is not counted may be no fault of the probe, and is tried once more.
	const attempts, count = 4, 3
	for attempt := range attempts {
		before := n.lost(t).NeighborFailures
		for i := range count {
			host := byte(100 + attempt*count + i)
			sendFrom(t, n.Router, netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 2, host}), 9), 1)
			sendFrom(t, n.Router, netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: 2, 15: host}), 9), 1)
		}
		var got map[string]uint64
		want := map[string]uint64{"ipv4": count, "ipv6": count}
		if eventually(t, func() bool {
			got = subtract(n.lost(t).NeighborFailures, before, minus)
			return cmp.Equal(want, got)
		}) {
			return
		}
		t.Logf("failures %v, want %v", got, want)
	}
	t.Errorf("the failures of each of %d attempts were not counted", attempts)
}

func TestSocketsWithoutRoomAreCountedByKind(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	want := map[string]uint64{"backlog": 0, "memory_limit": 0, "udp_memory": 0}
	want["udp_buffer"] = fillReceiveBuffer(t, n)
	want["receive_queue"] = fillPingSocket(t, n)
	if diff := cmp.Diff(want, n.lost(t).Overflows); diff != "" || want["receive_queue"] == 0 {
		t.Errorf("overflows (-want +got):\n%s", diff)
	}
}

// fillPingSocket returns how many answers a ping socket had no room for.
func fillPingSocket(t *testing.T, n *dropNet) uint64 {
	t.Helper()
	const count, id = 101, 777
	n.Router.Set(t, "ipv4/ping_group_range", "0 0")
	reply := icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: id, Data: []byte("packetscope")}}
	message, err := reply.Marshal(nil)
	must(t, err)
	f := n.datagram(t, n.router(testnet.IPv4, 0))
	f.Protocol, f.Payload = unix.IPPROTO_ICMP, message
	var fd int
	n.Router.Do(t, func() {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		must(t, err)
		must(t, unix.Bind(fd, &unix.SockaddrInet4{Port: id}))
	})
	defer unix.Close(fd)
	must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096))
	n.frames(t, count, f.Bytes())
	return count - drainSocket(fd)
}

func TestDropsOfDevicesAreTheirOwnCounters(t *testing.T) {
	oncePerKernel(t)
	n := newDropNet(t, Config{})
	counters := func() map[DeviceDrops]uint64 {
		byPlace := make(map[DeviceDrops]uint64)
		for _, row := range n.lost(t).Devices {
			packets := row.Packets
			row.Packets = 0
			byPlace[row] = packets
		}
		return byPlace
	}
	before := counters()
	unknown := n.datagram(t, n.router(testnet.IPv4, 9)).Bytes()
	unknown[12], unknown[13] = 0x88, 0xb5
	n.frames(t, 13, unknown)
	want := map[DeviceDrops]uint64{{Device: n.Router.Device, Direction: Receive, Kind: "dropped"}: 13}
	if diff := cmp.Diff(want, subtract(counters(), before, minus)); diff != "" {
		t.Errorf("drops of devices (-want +got):\n%s", diff)
	}
	for _, device := range []string{"lo", "router0", "router1"} {
		for _, direction := range []Direction{Receive, Transmit} {
			if _, ok := before[DeviceDrops{Device: device, Direction: direction, Kind: "dropped"}]; !ok {
				t.Errorf("%s has no counter of drops on %v", device, direction)
			}
		}
	}
}
