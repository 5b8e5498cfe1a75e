//go:build kernel && linux

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/testnet"
)

// strangers sends datagrams to a port from so many addresses, and one in fifty from
// another one. It returns how many that one sent.
func strangers(t *testing.T, n *testnet.Net, port uint16, addresses int, other netip.Addr) (sent int) {
	t.Helper()
	fd := -1
	n.Right.Do(t, func() {
		var err error
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW); err != nil {
			t.Fatal(err)
		}
	})
	defer unix.Close(fd)
	send := func(from [4]byte) {
		p := make([]byte, 28)
		p[0], p[8], p[9] = 0x45, 64, unix.IPPROTO_UDP // the kernel completes the header: raw(7)
		copy(p[12:], from[:])
		copy(p[16:], n.Left.V4.AsSlice())
		binary.BigEndian.PutUint16(p[20:], 40_000)
		binary.BigEndian.PutUint16(p[22:], port)
		binary.BigEndian.PutUint16(p[24:], 8)
		if err := unix.Sendto(fd, p, 0, &unix.SockaddrInet4{Addr: n.Left.V4.As4()}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range addresses {
		var from [4]byte
		binary.BigEndian.PutUint32(from[:], 10<<24+uint32(i))
		send(from)
		if i%50 == 0 {
			send(other.As4())
			sent++
		}
	}
	return sent
}

func listenUDP(t *testing.T, ns *testnet.Namespace, port uint16) {
	t.Helper()
	ns.Do(t, func() {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ns.V4, port)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	})
}

// TestServeShowsTheTopOfManyFlows: more flows than the table has room for, and still as
// many series as there should be, with the busiest flow among them.
func TestServeShowsTheTopOfManyFlows(t *testing.T) {
	const top, port = 20, 5359
	addresses, room := 100_003, stack.DefaultMaxFlows
	if testnet.InVM() {
		addresses, room = 10_007, 4096
	}
	n := testnet.New(t)
	n.Left.Pin(t)
	listenUDP(t, n.Left, port)
	file := writeConfig(t, fmt.Sprintf("flows: {ipv4_prefix: 32, top: %d, max: %d, api: true}", top, room))
	w := newWorld("--privileges.keep", "--collector.disable-defaults", "--collector.flows", "--config.file="+file)
	w.env.host, w.env.names, w.env.open, w.env.now = kernel.ThisHost(), stackNames(), openStack, time.Now
	s := w.startReady(t)
	busiest := netip.AddrFrom4([4]byte{203, 0, 113, 9})
	sent := strangers(t, n, port, addresses, busiest)

	for range 3 { // what is listed may change, how much may not
		for metric, want := range map[string]int{
			"packetscope_flow_bytes_total{": 2 * (top + 1), "packetscope_flow_packets_total{": 2 * (top + 1),
			"packetscope_flow_evictions_total ": 1, "packetscope_flows ": 1,
		} {
			if got := s.series(t, "/metrics?collect[]=flows", metric); len(got) != want {
				t.Errorf("%d series of %s, want %d", len(got), metric, want)
			}
		}
	}
	line := fmt.Sprintf(`packetscope_flow_packets_total{direction="receive",protocol="udp",remote="%v/32",role="server",service_port="%d"} %d`,
		busiest, port, sent)
	if all := s.series(t, "/metrics?collect[]=flows", "packetscope_flow_packets_total"); !strings.Contains(strings.Join(all, "\n")+"\n", line+"\n") {
		t.Errorf("no %s in\n%s", line, strings.Join(all, "\n"))
	}
	var report flowReport
	answer := s.ask(t, "GET", "/api/v1/flows?sort=packets&top=3")
	if err := json.Unmarshal([]byte(answer.Text), &report); err != nil {
		t.Fatalf("%v: %+v", err, answer)
	}
	least := uint64(addresses + 1 - room)
	if report.Known > room || report.Evicted < least || len(report.Flows) != 3 {
		t.Errorf("%d flows known with room for %d, %d evicted of at least %d, %d listed", report.Known, room, report.Evicted, least, len(report.Flows))
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

// TestFlowsShowsWhoOwnsASocket runs the verb against a server in this process.
func TestFlowsShowsWhoOwnsASocket(t *testing.T) {
	const port, count = 5360, 23
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w := newWorld("flows", "--json", "--watch=50ms", "--top=0")
	w.env.host, w.env.names, w.env.open, w.env.owners, w.env.now = kernel.ThisHost(), stackNames(), openStack, owner.Of, time.Now
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, w.env) }()
	w.stdout.Wait(t, "\n", 1) // attached
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	buffer := make([]byte, 100)
	for range count {
		for _, way := range []struct{ from, to net.Conn }{{client, server}, {server, client}} {
			if _, err := way.from.Write(buffer); err != nil {
				t.Fatal(err)
			}
			if _, err := way.to.Read(buffer); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.stdout.Wait(t, "\n", strings.Count(w.stdout.String(), "\n")+2)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
	var report flowReport
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatal(err)
	}
	roles := make(map[string]flowRow)
	for _, f := range report.Flows {
		if f.ServicePort == port {
			roles[f.Role] = f
		}
	}
	for _, role := range []string{"client", "server"} {
		f := roles[role]
		if f.Remote != "127.0.0.1/32" || f.PID != os.Getpid() || f.RTTSeconds <= 0 || f.ReceivedBytes < count*100 || f.SentBytes < count*100 {
			t.Errorf("%s: %+v, want one of process %d", role, f, os.Getpid())
		}
	}
	if len(roles) != 2 {
		t.Errorf("%d flows of the port: %+v", len(roles), roles)
	}
}
