//go:build kernel && linux

package stack

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/testnet"
)

// wholeAddresses makes each remote address a flow.
var wholeAddresses = FlowConfig{IPv4Prefix: 32, IPv6Prefix: 128}

// flowsAlone is a config for flows that loads no more than they need.
func flowsAlone(f FlowConfig) Config {
	return Config{Disable: allBut(GroupFlows), Flows: f}
}

func (l *lab) flows(t testing.TB) FlowTable {
	t.Helper()
	table, err := l.Flows()
	must(t, err)
	return table
}

// countFlows returns what was added to the flows while load ran, all of them.
func (l *lab) countFlows(t testing.TB, load func()) map[FlowKey]FlowCounts {
	t.Helper()
	before := CountsByKey(l.flows(t).Flows)
	load()
	return subtract(CountsByKey(l.flows(t).Flows), before, FlowCounts.Since)
}

func flowTo(addr netip.Addr, port uint16, protocol uint8, role FlowRole) FlowKey {
	return FlowKey{netip.PrefixFrom(addr, addr.BitLen()), port, protocol, role}
}

// talkUDP opens a server and a client of it, on a port that is given.
func talkUDP(t *testing.T, server, client *testnet.Namespace, f testnet.Family, port uint16) (from, to *net.UDPConn) {
	t.Helper()
	at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(server.Addr(f), port))
	server.Do(t, func() {
		var err error
		to, err = net.ListenUDP("udp", at)
		must(t, err)
	})
	client.Do(t, func() {
		var err error
		from, err = net.DialUDP("udp", nil, at)
		must(t, err)
	})
	t.Cleanup(func() { from.Close(); to.Close() })
	return from, to
}

// ask sends requests and answers, each of its size.
func ask(t *testing.T, from, to *net.UDPConn, count, request, answer int) {
	t.Helper()
	buffer := make([]byte, 2048)
	for range count {
		_, err := from.Write(make([]byte, request))
		must(t, err)
		_, peer, err := to.ReadFromUDPAddrPort(buffer)
		must(t, err)
		_, err = to.WriteToUDPAddrPort(make([]byte, answer), peer)
		must(t, err)
		_, err = from.Read(buffer)
		must(t, err)
	}
}

func TestFlowHasBothDirections(t *testing.T) {
	n := testnet.New(t)
	e := open(t, n.Left, flowsAlone(wholeAddresses))
	const count, request, answer = 211, 33, 777
	for _, f := range testnet.Families {
		small, large := ipHeader(f)+udpHeader+request, ipHeader(f)+udpHeader+answer
		requests := FlowCounts{SentBytes: count * small, SentPackets: count, ReceivedBytes: count * large, ReceivedPackets: count}
		answers := FlowCounts{requests.SentBytes, count, requests.ReceivedBytes, count, 0}
		t.Run("client "+f.String(), func(t *testing.T) {
			from, to := talkUDP(t, n.Right, n.Left, f, 5353)
			got := e.countFlows(t, func() { ask(t, from, to, count, request, answer) })
			want := map[FlowKey]FlowCounts{flowTo(n.Right.Addr(f), 5353, unix.IPPROTO_UDP, Client): requests}
			if diff := cmp.Diff(want, got, compareFlowKeys); diff != "" {
				t.Errorf("flows (-want +got):\n%s", diff)
			}
		})
		t.Run("server "+f.String(), func(t *testing.T) {
			from, to := talkUDP(t, n.Left, n.Right, f, 5354)
			got := e.countFlows(t, func() { ask(t, from, to, count, request, answer) })
			want := map[FlowKey]FlowCounts{flowTo(n.Right.Addr(f), 5354, unix.IPPROTO_UDP, Server): answers}
			if diff := cmp.Diff(want, got, compareFlowKeys); diff != "" {
				t.Errorf("flows (-want +got):\n%s", diff)
			}
		})
		t.Run("peer "+f.String(), func(t *testing.T) {
			got := e.countFlows(t, func() { must(t, testnet.Ping(n.Left, n.Right, f, pings)) })
			bytes := pings * (ipHeader(f) + pingSize)
			protocol := uint8(unix.IPPROTO_ICMP)
			if f == testnet.IPv6 {
				protocol = unix.IPPROTO_ICMPV6
			}
			want := map[FlowKey]FlowCounts{flowTo(n.Right.Addr(f), 0, protocol, Peer): {bytes, pings, bytes, pings, 0}}
			if diff := cmp.Diff(want, got, compareFlowKeys); diff != "" {
				t.Errorf("flows (-want +got):\n%s", diff)
			}
		})
	}
}

var compareFlowKeys = cmp.Comparer(func(a, b FlowKey) bool { return a == b })

// TestFlowsAddUp: a transfer has packets that no test can know the number of, but the
// layers count them too.
func TestFlowsAddUp(t *testing.T) {
	n := testnet.New(t)
	e := open(t, n.Left, flowsAlone(wholeAddresses))
	for _, f := range testnet.Families {
		for _, port := range []uint16{8443, 50051} { // outside and inside of the ephemeral range
			t.Run(fmt.Sprint(f, " port ", port), func(t *testing.T) {
				var listener net.Listener
				n.Left.Do(t, func() {
					var err error
					listener, err = net.Listen("tcp", netip.AddrPortFrom(n.Left.Addr(f), port).String())
					must(t, err)
				})
				var flows map[FlowKey]FlowCounts
				traffic := e.count(t, func() {
					flows = e.countFlows(t, func() { transferTo(t, listener, n.Right, 1<<20+1) })
				})
				in, out := traffic.at(Transport, Receive), traffic.at(Transport, Transmit)
				key := flowTo(n.Right.Addr(f), port, unix.IPPROTO_TCP, Server)
				want := map[FlowKey]FlowCounts{key: {in.Bytes, in.Packets, out.Bytes, out.Packets, flows[key].Retransmits}}
				if diff := cmp.Diff(want, flows, compareFlowKeys); diff != "" {
					t.Errorf("flows (-layers +got):\n%s", diff)
				}
				if in.Bytes < 1<<20 {
					t.Errorf("%d bytes received", in.Bytes)
				}
			})
		}
	}
	table := e.flows(t)
	var sum FlowCounts
	for _, f := range table.Flows {
		sum = sum.Plus(f.FlowCounts)
		if f.RTT <= 0 || f.RTT > testnet.Margin(time.Second) {
			t.Errorf("%v port %d: RTT %v", f.Remote, f.ServicePort, f.RTT)
		}
		if f.Socket == 0 {
			t.Errorf("%v port %d: no socket", f.Remote, f.ServicePort)
		}
		if f.FirstSeen.After(f.LastSeen) || table.Time.Sub(f.LastSeen) > testnet.Margin(time.Minute) || f.LastSeen.After(table.Time.Add(time.Second)) {
			t.Errorf("%v port %d: seen from %v to %v, read at %v", f.Remote, f.ServicePort, f.FirstSeen, f.LastSeen, table.Time)
		}
	}
	if table.Total != sum || table.Evicted != 0 {
		t.Errorf("total %+v, evicted %d; the flows sum up to %+v", table.Total, table.Evicted, sum)
	}
}

// transferTo sends bytes from a namespace to a listener, which is closed in the end.
func transferTo(t *testing.T, listener net.Listener, from *testnet.Namespace, bytes int) {
	t.Helper()
	var client net.Conn
	from.Do(t, func() {
		var err error
		client, err = net.Dial("tcp", listener.Addr().String())
		must(t, err)
	})
	server, err := listener.Accept()
	must(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := client.Write(make([]byte, bytes))
		client.Close()
		done <- err
	}()
	buffer, got := make([]byte, 1<<16), 0
	for {
		n, err := server.Read(buffer)
		got += n
		if err != nil {
			break
		}
	}
	must(t, <-done)
	server.Close()
	listener.Close()
	if got != bytes {
		t.Fatalf("%d of %d bytes", got, bytes)
	}
}

func TestFlowsAreOfPrefixes(t *testing.T) {
	oncePerKernel(t)
	n, e := shared(t) // with the default, /24
	_, _ = talkUDP(t, n.Left, n.Right, testnet.IPv4, 5355)
	s := openRaw(t, n.Right, unix.SOCK_RAW, unix.IPPROTO_RAW, netip.AddrPortFrom(n.Left.V4, 0))
	got := e.countFlows(t, func() {
		for i := range 3 * 97 {
			from := netip.AddrFrom4([4]byte{198, 19, byte(i % 3), byte(i/3 + 1)})
			s.send(t, datagram(from, n.Left.V4, 40_000+uint16(i), 5355))
		}
	})
	want := make(map[FlowKey]FlowCounts)
	for i := range 3 {
		remote := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(i), 0}), 24)
		want[FlowKey{remote, 5355, unix.IPPROTO_UDP, Server}] = FlowCounts{ReceivedBytes: 97 * 28, ReceivedPackets: 97}
	}
	if diff := cmp.Diff(want, got, compareFlowKeys); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

// TestManyFlowsAreBounded: more flows than there is room for.
func TestManyFlowsAreBounded(t *testing.T) {
	oncePerKernel(t)
	flows, room := 100_003, DefaultMaxFlows
	if testnet.InVM() {
		flows, room = 10_007, 4096
	}
	n := testnet.New(t)
	config := wholeAddresses
	config.Max = room
	e := open(t, n.Left, flowsAlone(config))
	_, _ = talkUDP(t, n.Left, n.Right, testnet.IPv4, 5356)
	s := openRaw(t, n.Right, unix.SOCK_RAW, unix.IPPROTO_RAW, netip.AddrPortFrom(n.Left.V4, 0))
	top := netip.AddrFrom4([4]byte{203, 0, 113, 7})
	const every = 50 // one packet in so many is of the top flow
	sent := uint64(0)
	for i := range flows {
		var from [4]byte
		binary.BigEndian.PutUint32(from[:], 10<<24+uint32(i))
		s.send(t, datagram(netip.AddrFrom4(from), n.Left.V4, 40_000, 5356))
		sent++
		if i%every == 0 {
			s.send(t, datagram(top, n.Left.V4, 40_000, 5356))
			sent++
		}
	}
	table := e.flows(t)
	if got := table.Total.ReceivedPackets; got != sent {
		t.Errorf("%d packets in all, sent %d", got, sent)
	}
	if len(table.Flows) > room || len(table.Flows) < room*3/4 || table.Capacity != room {
		t.Errorf("%d flows of %d, capacity %d", len(table.Flows), room, table.Capacity)
	}
	if want := uint64(flows+1) - uint64(len(table.Flows)); table.Evicted != want {
		t.Errorf("%d evicted, want %d", table.Evicted, want)
	}
	best := TopFlows(table.Flows, ByPackets, nil, 1)
	want := FlowCounts{ReceivedPackets: uint64(flows/every + 1), ReceivedBytes: uint64(flows/every+1) * 28}
	if best[0].Remote.Addr() != top || best[0].FlowCounts != want {
		t.Errorf("top flow is %v with %+v, want %v with %+v", best[0].Remote, best[0].FlowCounts, top, want)
	}
	bound := uint64(room*FlowBytes + 1024*(4+runtime.NumCPU())) // and the map itself
	if got := memoryOf(t, e.objects.maps["flows"].FD()); got > bound || got < bound/2 {
		t.Errorf("the table takes %d bytes, documented are %d", got, bound)
	}
	if got := memoryOf(t, e.objects.maps["flow_listeners"].FD()); got > FlowPortsBytes*11/10 {
		t.Errorf("the listeners take %d bytes, documented are %d", got, FlowPortsBytes)
	}
	t.Logf("%d of %d flows, %d evicted, %d bytes", len(table.Flows), flows+1, table.Evicted, memoryOf(t, e.objects.maps["flows"].FD()))
}

// memoryOf returns what the kernel accounts a map of this process with.
func memoryOf(t *testing.T, fd int) (bytes uint64) {
	t.Helper()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	must(t, err)
	for line := range strings.Lines(string(info)) {
		if value, ok := strings.CutPrefix(line, "memlock:"); ok {
			_, err := fmt.Sscan(value, &bytes)
			must(t, err)
			return bytes
		}
	}
	t.Fatalf("no memlock in %s", info)
	return 0
}

// TestForwardedFlowHasBothDirections: counted at the router only if asked for.
func TestForwardedFlowHasBothDirections(t *testing.T) {
	n := testnet.NewRouted(t)
	config := wholeAddresses
	config.Forwarded = true
	e := open(t, n.Router, flowsAlone(config))
	const count, request, answer = 101, 33, 777
	for _, f := range testnet.Families {
		from, to := talkUDP(t, n.Right, n.Left, f, 5357)
		got := e.countFlows(t, func() { ask(t, from, to, count, request, answer) })
		small, large := ipHeader(f)+udpHeader+request, ipHeader(f)+udpHeader+answer
		want := map[FlowKey]FlowCounts{
			flowTo(n.Left.Addr(f), 5357, unix.IPPROTO_UDP, Forwarder): {count * small, count, count * large, count, 0},
		}
		if diff := cmp.Diff(want, got, compareFlowKeys); diff != "" {
			t.Errorf("%v: flows (-want +got):\n%s", f, diff)
		}
	}
}

// TestFlowCountsWhatTCPSendsAgain: connections to nobody, whose kernel knows how often
// it asked.
func TestFlowCountsWhatTCPSendsAgain(t *testing.T) {
	oncePerKernel(t)
	n, e := shared(t)
	// A timer sends what is sent again, on top of whatever process is current, and
	// there some kernels run no program: see witness.
	const attempts = 3
	for attempt := range attempts {
		counted, asked := connectToNobody(t, n, e, 8077+uint16(attempt))
		want := FlowCounts{SentBytes: counted.SentBytes, SentPackets: asked + 1, Retransmits: asked}
		if counted == want {
			return
		}
		t.Logf("%+v, want %+v", counted, want)
	}
	t.Errorf("none of %d flows is right", attempts)
}

// connectToNobody returns the flow of a connection that asked again at least twice, and
// how often it did so by its own account.
func connectToNobody(t *testing.T, n *testnet.Net, e *lab, port uint16) (counted FlowCounts, asked uint64) {
	t.Helper()
	nobody := [4]byte{198, 18, 1, 77} // on the link, which asks for no address
	fd := -1
	n.Left.Do(t, func() {
		var err error
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		must(t, err)
	})
	defer unix.Close(fd)
	retransmits := func() uint64 {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		must(t, err)
		return uint64(info.Total_retrans)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: nobody, Port: int(port)}); err != unix.EINPROGRESS {
		t.Fatalf("connect to nobody: %v", err)
	}
	key := FlowKey{netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 1, 0}), 24), port, unix.IPPROTO_TCP, Client}
	eventually(t, func() bool {
		asked = retransmits()
		counted = CountsByKey(e.flows(t).Flows)[key]
		return asked >= 2 && retransmits() == asked // none while it was read
	})
	if asked < 2 || counted.SentBytes == 0 {
		t.Fatalf("asked %d times again, %+v", asked, counted)
	}
	return counted, asked
}

// TestOwnerOfAFlowIsItsSockets and not who happens to run.
func TestOwnerOfAFlowIsItsSockets(t *testing.T) {
	oncePerKernel(t)
	n, e := shared(t)
	from, to := talkUDP(t, n.Right, n.Left, testnet.IPv4, 5358)
	ask(t, from, to, 16, 3, 3) // the default times, and looks at, one packet in 16; the tests all
	file, err := from.File()
	must(t, err)
	defer file.Close()
	var stat unix.Stat_t
	must(t, unix.Fstat(int(file.Fd()), &stat))
	for _, f := range e.flows(t).Flows {
		if f.ServicePort != 5358 {
			continue
		}
		by := owner.Of([]owner.Socket{{Inode: f.Socket, Cgroup: f.Cgroup}})[0]
		if f.Socket != stat.Ino || by.PID != os.Getpid() || by.Process == "" || f.Cgroup == 0 {
			t.Errorf("socket %d of %+v, want %d of process %d; cgroup %d", f.Socket, by, stat.Ino, os.Getpid(), f.Cgroup)
		}
		return
	}
	t.Error("no such flow")
}
