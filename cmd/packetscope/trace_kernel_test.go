//go:build kernel && linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/tracer"
)

// newTracingWorld is a world on this host.
func newTracingWorld(args ...string) *world {
	w := newWorld(append([]string{"trace"}, args...)...)
	w.env.host, w.env.openTracer, w.env.monotonic, w.env.now = kernel.ThisHost(), openTracer, tracer.Now, time.Now
	w.env.openSockets, w.env.owners, w.env.tcpInfo = openSockets, owner.Of, sockets.ReadTCPInfo
	return w
}

// start runs the verb until the test cancels it or it ends.
func (w *world) startTrace() (cancel func(), ended <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- run(ctx, w.env) }()
	return cancel, result
}

func inodeOfNetns(t *testing.T, ns *testnet.Namespace) (inode uint64) {
	t.Helper()
	ns.Do(t, func() {
		var err error
		if inode, err = netns.OfThread(); err != nil {
			t.Error(err)
		}
	})
	return inode
}

// TestTraceShowsEachDatagram sends 23 of them, which end where nobody listens.
func TestTraceShowsEachDatagram(t *testing.T) {
	n := testnet.New(t)
	const count, port = 23, 9
	expression := fmt.Sprintf("(netns %d or netns %d) and udp dst port %d", inodeOfNetns(t, n.Left), inodeOfNetns(t, n.Right), port)
	file := t.TempDir() + "/trace.pcapng"
	w := newTracingWorld("--json", "--pcapng="+file, expression)
	cancel, ended := w.startTrace()
	defer cancel()
	w.stderr.Wait(t, "following", 1)
	n.Left.Do(t, func() {
		c, err := net.Dial("udp", netip.AddrPortFrom(n.Right.V4, port).String())
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for i := range count {
			// An answer to the one before is an error of this one, which is not sent.
			for range 2 {
				if _, err = c.Write([]byte{byte(i)}); err == nil {
					break
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	w.stdout.Wait(t, `"number":`, count)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
	for _, line := range lines[:len(lines)-1] {
		var p tracePacket
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if p.Fate.Fate != tracer.Dropped || p.Fate.Reason != "NO_SOCKET" || p.Again || p.Events[0].PID != os.Getpid() || len(p.Events[0].Stack) == 0 || p.Events[0].Device != n.Left.Device {
			t.Errorf("%s", line)
		}
		if age := time.Since(p.Time); age < 0 || age > time.Minute {
			t.Errorf("packet %d was seen %v ago", p.Number, age)
		}
	}
	var last struct{ Summary traceSummary }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if s := last.Summary; s.Packets != count || s.Fates[tracer.Dropped] != count || s.Lost != 0 || len(s.Slow) == 0 {
		t.Errorf("summary %+v", s)
	}
	data, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	comments := strings.Join(readPcapng(t, data), "\n")
	if got := strings.Count(comments, ": NO_SOCKET: "); got != 2*count { // at both ends of the veth
		t.Errorf("%d packets in the file, want %d", got, 2*count)
	}
}

// why asks about a target while something is done, and returns the answer.
func why(t *testing.T, target string, do func()) string {
	t.Helper()
	w := newTracingWorld("why", "--duration="+lookedAt().String(), target)
	cancel, ended := w.startTrace()
	defer cancel()
	w.stdout.Wait(t, "looked at for", 1)
	do()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	answer := w.stdout.String()
	t.Log("\n" + answer)
	return strings.Join(strings.Fields(answer), " ") // as it is without lines
}

// lookedAt is for how long why looks: long enough for what it is to see.
func lookedAt() time.Duration {
	if testnet.InVM() {
		return 15 * time.Second
	}
	return 2 * time.Second
}

func expectAnswer(t *testing.T, answer string, want ...string) {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(answer, text) {
			t.Errorf("the answer does not say %q", text)
		}
	}
}

// connect returns a connection between the namespaces and the port of its server.
func connect(t *testing.T, n *testnet.Net) (pair *testnet.TCPPair, port uint16) {
	t.Helper()
	pair, err := testnet.NewTCPPair(n.Left, n.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Close)
	// Go's would come every 15 s, which is within what is looked at in an emulated machine.
	for _, end := range []*net.TCPConn{pair.Client, pair.Server} {
		if err := end.SetKeepAlive(false); err != nil {
			t.Fatal(err)
		}
	}
	return pair, pair.Server.LocalAddr().(*net.TCPAddr).AddrPort().Port()
}

func TestWhyFindsTheCause(t *testing.T) {
	n := testnet.New(t)
	n.Left.Pin(t)
	n.Right.Pin(t)
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	me := strings.TrimSpace(string(name)) + "[" + strconv.Itoa(os.Getpid()) + "]"
	t.Run("all is well", func(t *testing.T) {
		pair, _ := connect(t, n)
		answer := why(t, pair.Client.RemoteAddr().String(), func() {
			buffer := make([]byte, 100)
			for range 23 {
				if _, err := pair.Client.Write(buffer); err != nil {
					t.Fatal(err)
				}
				if _, err := pair.Server.Read(buffer); err != nil {
					t.Fatal(err)
				}
			}
		})
		expectAnswer(t, answer, "of "+me, "No packet of it was dropped on this host.", "Nothing had to be sent once more.", "A round trip takes", "Nothing here is wrong")
	})
	t.Run("a rule drops", func(t *testing.T) {
		pair, port := connect(t, n)
		rule := n.Right.DropTCP(t, testnet.ToPort, port)
		defer rule.Stop(t)
		answer := why(t, pair.Client.RemoteAddr().String(), func() {
			if _, err := pair.Client.Write([]byte("lost")); err != nil {
				t.Fatal(err)
			}
		})
		expectAnswer(t, answer, "went out and nothing came back", "stopped here: dropped by netfilter input in n", " at device "+n.Right.Device+": a firewall rule",
			"sent once more", "is not acknowledged", "Packets are lost on this host, as said above.", "4 bytes wait to be sent or acknowledged", "Next: read the rules of hook input")
	})
	t.Run("the receive buffer is full", func(t *testing.T) {
		pair, _ := connect(t, n)
		fill := func() {
			_ = pair.Client.SetWriteDeadline(time.Now().Add(time.Second))
			for buffer := make([]byte, 64<<10); ; {
				if _, err := pair.Client.Write(buffer); err != nil {
					return // full
				}
			}
		}
		fill()
		answer := why(t, pair.Client.RemoteAddr().String(), func() {})
		expectAnswer(t, answer, "The peer's window is closed", "bytes wait to be sent or acknowledged", "Next: look at the program on the other side")
		local := pair.Client.LocalAddr().(*net.TCPAddr).AddrPort() // the other end of the server's
		answer = why(t, local.String(), func() {})
		expectAnswer(t, answer, "bytes wait to be read by "+me, "Next: see what "+me+" does instead of reading")
	})
	t.Run("datagrams do not fit", func(t *testing.T) {
		pair, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		defer pair.Close()
		if err := pair.Receiver.SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		answer := why(t, pair.Receiver.LocalAddr().String(), func() {
			for range 100 {
				if _, err := pair.Sender.Write(make([]byte, 1000)); err != nil {
					t.Fatal(err)
				}
			}
		})
		expectAnswer(t, answer, "udp 198.18.1.1:", "100 packets went out and nothing came back", "Of 100 packets that went out,", "(SOCKET_RCVBUFF)",
			"Next: the receive buffer is full: see what the program on the other side, which is on this host, does")
	})
	t.Run("some are lost", func(t *testing.T) {
		pair, port := connect(t, n)
		rule := n.Right.DropShare(t, testnet.ToPort, port, 30)
		defer rule.Stop(t)
		answer := why(t, pair.Client.RemoteAddr().String(), func() {
			go func() { _, _ = pair.Client.Write(make([]byte, 1<<20)) }()
			_ = pair.Server.SetReadDeadline(time.Now().Add(lookedAt() * 3 / 4))
			for buffer := make([]byte, 64<<10); ; {
				if _, err := pair.Server.Read(buffer); err != nil {
					return
				}
			}
		})
		expectAnswer(t, answer, "stopped here: dropped by netfilter input", "sent once more", "Packets are lost on this host")
	})
	t.Run("nobody listens", func(t *testing.T) {
		target := netip.AddrPortFrom(n.Right.V4, 9).String()
		answer := why(t, target, func() {
			n.Left.Do(t, func() {
				if c, err := net.Dial("tcp4", target); err == nil {
					c.Close()
					t.Error("somebody listens")
				}
			})
		})
		expectAnswer(t, answer, "attempts to reach "+target, "nobody listens on this port", "refused by a reset", "Next: nobody listens on that port")
	})
	t.Run("a process has several", func(t *testing.T) {
		connect(t, n)
		connect(t, n)
		pid := strconv.Itoa(os.Getpid())
		w := newTracingWorld("why", pid)
		err := run(context.Background(), w.env)
		if err == nil || !strings.Contains(err.Error(), pid+" has 4 connections; name one by its inode:\n  ") {
			t.Errorf("error %v", err)
		}
	})
}
