//go:build kernel && linux

package sockets

import (
	"bufio"
	"bytes"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

var quiet = slog.New(slog.DiscardHandler)

// ways are the forced ones; every test of counts passes with each.
var ways = []Way{Iterator, Diag}

// allowPings lets everybody make ICMP sockets in the calling thread's namespace.
func allowPings(t testing.TB) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// openIn opens an engine in a namespace. A way that this kernel should have must
// work.
func openIn(t testing.TB, ns *testnet.Namespace, cfg Config) *Engine {
	t.Helper()
	var e *Engine
	ns.Do(t, func() {
		var err error
		if e, err = Open(cfg, quiet); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { e.Close() })
	r, err := e.Report()
	if err != nil || !r.Attached {
		t.Fatalf("%v: %+v, %v", cfg.Way, r, err)
	}
	return e
}

// A tableau is the number of sockets by "family protocol state", without zeros.
type tableau map[string]uint64

func tableauOf(s Snapshot) tableau {
	got := make(tableau)
	for _, c := range s.Counts {
		if c.Sockets > 0 {
			got[c.Family.String()+" "+c.Protocol.String()+" "+c.Protocol.StateName(c.State)] = c.Sockets
		}
	}
	return got
}

// settle waits for what is under way between the namespaces, such as the answer to a
// FIN, and returns what there is in the end.
func settle(t testing.TB, e *Engine, want tableau) tableau {
	t.Helper()
	for deadline := time.Now().Add(testnet.Margin(3 * time.Second)); ; {
		got := tableauOf(snapshot(t, e))
		if maps.Equal(got, want) || time.Now().After(deadline) {
			return got
		}
	}
}

// wantLeft and wantRight are the population as it was made.
func wantLeft() tableau {
	want := make(tableau)
	for _, f := range testnet.Families {
		v := f.String() + " "
		want[v+"tcp established"] = uint64(established[f])
		want[v+"tcp fin_wait_2"] = uint64(closeWait[f] + halfClosed[f])
		want[v+"tcp time_wait"] = uint64(timeWait[f])
		want[v+"tcp syn_sent"] = uint64(unanswered[f])
		want[v+"udp connected"] = uint64(connected[f])
		want[v+"udp unconnected"] = uint64(unconnected[f])
		want[v+"raw connected"] = 1
		want[v+"raw unconnected"] = uint64(raws[f] - 1)
	}
	want["ipv4 icmp connected"], want["ipv4 icmp unconnected"] = 1, uint64(pings[testnet.IPv4]-1)
	want["ipv6 icmpv6 connected"], want["ipv6 icmpv6 unconnected"] = 1, uint64(pings[testnet.IPv6]-1)
	return want
}

func wantRight() tableau {
	want := make(tableau)
	for _, f := range testnet.Families {
		v := f.String() + " "
		want[v+"tcp established"] = uint64(established[f])
		want[v+"tcp close_wait"] = uint64(closeWait[f] + halfClosed[f])
		want[v+"tcp syn_recv"] = uint64(unanswered[f])
		want[v+"tcp listen"] = uint64(2 + idle[f])
	}
	return want
}

func TestSocketsAreCountedByState(t *testing.T) {
	p := populate(t)
	for _, way := range ways {
		t.Run(way.String(), func(t *testing.T) {
			for _, side := range []struct {
				ns   *testnet.Namespace
				want tableau
			}{{p.net.Left, wantLeft()}, {p.net.Right, wantRight()}} {
				e := openIn(t, side.ns, Config{OwnNamespaceOnly: true, Way: way})
				s := snapshot(t, e)
				if diff := cmp.Diff(side.want, tableauOf(s)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", side.ns.Name, diff)
				}
				if s.NamespacesCovered != 1 || s.NamespacesUncovered != 0 {
					t.Errorf("%s: %d namespaces covered, %d not", side.ns.Name, s.NamespacesCovered, s.NamespacesUncovered)
				}
			}
		})
	}
}

// TestSocketsAreThoseOfSS compares with another program at the same moment. The
// machines of the vm lane have no programs; there the counts are compared with
// what was made only.
func TestSocketsAreThoseOfSS(t *testing.T) {
	if testnet.InVM() {
		t.Skip("no ss in here")
	}
	p := populate(t)
	for _, ns := range []*testnet.Namespace{p.net.Left, p.net.Right} {
		for _, way := range ways {
			e := openIn(t, ns, Config{OwnNamespaceOnly: true, Way: way})
			before, got, after := askSS(t, ns), tableauOf(snapshot(t, e)), askSS(t, ns)
			for name := range got {
				if !strings.Contains(name, " tcp ") && !strings.Contains(name, " udp ") {
					delete(got, name)
				}
			}
			if !maps.Equal(before, after) {
				t.Fatalf("ss changed its mind: %v, then %v", before, after)
			}
			if len(before) == 0 {
				t.Fatal("ss shows no socket")
			}
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("%s by %v (-ss +got):\n%s", ns.Name, way, diff)
			}
		}
	}
}

// askSS runs "ss -tan" and "ss -uan" in a namespace, for each family.
func askSS(t *testing.T, ns *testnet.Namespace) tableau {
	t.Helper()
	got := make(tableau)
	for _, protocol := range []Protocol{TCP, UDP} {
		for _, family := range Families {
			var out []byte
			ns.Do(t, func() {
				flags := "-an" + protocol.String()[:1]
				var err error
				if out, err = exec.Command("ss", flags, "-H", "-"+family.String()[3:]).Output(); err != nil {
					t.Fatalf("run ss: %v (make deps, as root, installs it on Debian)", err)
				}
			})
			for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
				state, _, _ := strings.Cut(lines.Text(), " ")
				got[family.String()+" "+protocol.String()+" "+stateOfSS(t, protocol, state)]++
			}
		}
	}
	return got
}

func stateOfSS(t *testing.T, p Protocol, state string) string {
	t.Helper()
	switch {
	case state == "ESTAB":
		return p.StateName(Established)
	case state == "UNCONN":
		return p.StateName(Closed)
	case p == TCP:
		return strings.ReplaceAll(strings.ToLower(state), "-", "_")
	}
	t.Fatalf("ss shows a %v socket as %q", p, state)
	return ""
}

func TestListenersHaveTheirConnections(t *testing.T) {
	p := populate(t)
	for _, way := range ways {
		e := openIn(t, p.net.Right, Config{OwnNamespaceOnly: true, Way: way})
		var got []uint64
		for _, l := range snapshot(t, e).Listeners {
			if l.Connections > 0 {
				got = append(got, l.Connections)
			}
		}
		want := []uint64{uint64(established[testnet.IPv4]), uint64(established[testnet.IPv6])}
		if len(got) == 2 && got[0] > got[1] { // ports are chosen by the kernel
			got[0], got[1] = got[1], got[0]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: connections by port (-want +got):\n%s", way, diff)
		}
	}
}

// TestLastSocketsAreCounted has sockets of one kind only, next to none.
func TestLastSocketsAreCounted(t *testing.T) {
	for _, f := range testnet.Families {
		for name, leave := range map[string]func(*population){
			"tcp time_wait": func(p *population) {
				listener, port := p.listen(f, 1)
				client, server := p.connect(f, listener, port)
				p.must(unix.Shutdown(client, unix.SHUT_WR))
				p.readEnd(server)
				p.close(server)
				p.readEnd(client)
				p.close(client)
				p.close(listener)
			},
			"tcp fin_wait_2": func(p *population) {
				listener, port := p.listen(f, 1)
				client, _ := p.connect(f, listener, port)
				p.close(client)
				p.close(listener)
			},
			"tcp syn_sent": func(p *population) { p.handshake(f, p.misled(f), p.closedPort(f)) },
			"udp unconnected": func(p *population) {
				p.must(unix.Bind(p.socket(p.net.Left, f, unix.SOCK_DGRAM, 0), sockaddr(netip.AddrPortFrom(p.net.Left.Addr(f), 0))))
			},
		} {
			p := &population{TB: t, net: testnet.New(t)}
			leave(p)
			for _, way := range ways {
				want := tableau{f.String() + " " + name: 1}
				got := settle(t, openIn(t, p.net.Left, Config{OwnNamespaceOnly: true, Way: way}), want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%v by %v (-want +got):\n%s", name, way, diff)
				}
			}
			p.closeAll()
		}
	}
}

func TestQueuesAreMeasured(t *testing.T) {
	const unread = 1001
	n := testnet.New(t)
	for _, f := range testnet.Families {
		udp, err := testnet.NewUDPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		tcp, err := testnet.NewTCPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		for _, w := range []interface{ Write([]byte) (int, error) }{udp.Sender, tcp.Client} {
			if _, err := w.Write(make([]byte, unread)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, way := range ways {
		e := openIn(t, n.Right, Config{OwnNamespaceOnly: true, Way: way})
		var got []Count
		deadline := time.Now().Add(testnet.Margin(5 * time.Second))
		for len(got) < 4 && time.Now().Before(deadline) {
			got = nil
			for _, c := range snapshot(t, e).Counts {
				if c.ReceiveBytes > 0 {
					got = append(got, c)
				}
			}
		}
		for _, c := range got {
			if c.Sockets != 1 || c.ReceiveBytes <= unread || c.ReceiveBytes > 16*unread || c.TransmitBytes != 0 {
				t.Errorf("%v: %+v, want one socket with somewhat more than %d bytes to read", way, c, unread)
			}
		}
		if len(got) != 4 {
			t.Errorf("%v: %d kinds of sockets have data, want 4: %+v", way, len(got), got)
		}
	}
}

func snapshot(t testing.TB, e *Engine) Snapshot {
	t.Helper()
	s, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
