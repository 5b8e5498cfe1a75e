//go:build kernel && linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// asDemo, if set, makes the test binary be the program, so that it can run in a
// network namespace with all of its threads.
const asDemo = "PACKETSCOPE_TEST_AS_DEMO"

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// program returns the command that runs the program.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, args...)
	command.Env = append(os.Environ(), asDemo+"=1")
	return command
}

// A party is the program in a namespace.
type party struct {
	mu  sync.Mutex
	log bytes.Buffer
}

func (p *party) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(data)
}

func (p *party) said(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Contains(p.log.Bytes(), []byte(what))
}

// join starts the program in a namespace, until the test ends.
func join(t *testing.T, ns *testnet.Namespace, args ...string) *party {
	t.Helper()
	p := &party{}
	command := program(t, args...)
	command.Stderr = p
	var err error
	ns.Do(t, func() { err = command.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			t.Errorf("%s ended with %v", args[0], err)
		}
		if t.Failed() {
			t.Logf("log of the %s:\n%s", args[0], &p.log)
		}
	})
	return p
}

// counters reads the kernel's counters of a namespace, by names such as
// "Tcp.RetransSegs".
func counters(t *testing.T, ns *testnet.Namespace) map[string]int {
	t.Helper()
	all := map[string]int{}
	ns.Do(t, func() {
		for _, name := range []string{"snmp", "netstat"} {
			data, err := os.ReadFile("/proc/thread-self/net/" + name)
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(bytes.NewReader(data))
			for lines.Scan() {
				names := strings.Fields(lines.Text())
				lines.Scan()
				for i, value := range strings.Fields(lines.Text()) {
					if n, err := strconv.Atoi(value); err == nil {
						all[strings.TrimSuffix(names[0], ":")+"."+names[i]] = n
					}
				}
			}
		}
	})
	return all
}

// TestEveryFaultOccurs plays the whole demo and asks the kernel of each side.
func TestEveryFaultOccurs(t *testing.T) {
	n, deadline := testnet.New(t), patient()
	n.Right.Set(t, "ipv4/ip_forward", "1")
	n.Left.ResolveNeighbours(t, n.Left.Device)
	n.Right.ResolveNeighbours(t, n.Right.Device)
	server := join(t, n.Right, "server")
	eventually(t, deadline, "the server serves", func() bool { return server.said("msg=serving") })
	player := join(t, n.Left, "client", "--server="+n.Right.V4.String(), "--server="+n.Right.V6.String())

	type side struct {
		name string
		ns   *testnet.Namespace
	}
	left, right := side{"client", n.Left}, side{"server", n.Right}
	for _, want := range []struct {
		fault string
		side  side
		name  string
	}{
		{"loss", right, "Tcp.RetransSegs"},
		{"loss", left, "TcpExt.TCPOFOQueue"},
		{"zero-window", right, "TcpExt.TCPToZeroWindowAdv"},
		{"zero-window", left, "TcpExt.TCPWinProbe"},
		{"udp-overflow", right, "Udp.RcvbufErrors"},
		{"accept-queue", right, "TcpExt.ListenOverflows"},
		{"refused", left, "Tcp.AttemptFails"},
		{"timeout", left, "TcpExt.TCPSynRetrans"},
		{"reset", left, "Tcp.EstabResets"},
		{"syn-flood", right, "TcpExt.SyncookiesSent"},
		{"challenge-ack", right, "TcpExt.TCPChallengeACK"},
		{"bad-checksum", right, "Tcp.InCsumErrors"},
		{"port-unreachable", right, "Udp.NoPorts"},
		{"ttl-expired", right, "Icmp.OutTimeExcds"},
		{"no-route", right, "IpExt.InNoRoutes"},
		{"no-route", left, "Ip.OutNoRoutes"},
		{"big-ping", right, "Ip.FragOKs"},
	} {
		eventually(t, deadline, fmt.Sprintf("%s: %s counts in %s", want.fault, want.side.name, want.name), func() bool {
			return counters(t, want.side.ns)[want.name] > 0
		})
	}
	// Many tasks see for themselves that the kernel returns the right error.
	for _, task := range plan {
		if task.fault {
			eventually(t, deadline, task.name+" is in the log", func() bool { return player.said("fault=" + task.name + " ") })
		}
	}
	check := program(t, "healthcheck")
	var err error
	n.Left.Do(t, func() { err = check.Run() })
	if err != nil {
		t.Errorf("the client is not healthy: %v", err)
	}
	// An emulated machine is slower than the patience of a task.
	if player.said("task failed") && !testnet.InVM() || server.said("left out") {
		t.Error("something failed, see the logs")
	}
}

// TestPlanKeepsItsBound counts what the demo really sends.
func TestPlanKeepsItsBound(t *testing.T) {
	n, deadline := testnet.New(t), patient()
	server := join(t, n.Right, "server")
	eventually(t, deadline, "the server serves", func() bool { return server.said("msg=serving") })
	player := join(t, n.Left, "client", "--server="+n.Right.V4.String(), "--server="+n.Right.V6.String())
	eventually(t, deadline, "the client plays", func() bool { return player.said("msg=playing") })
	start := time.Now()
	const span = 10 * time.Second
	eventually(t, deadline, "a while", func() bool { return time.Since(start) > span })
	received, sent := n.Left.Packets(t)
	perSecond := float64(received+sent) / time.Since(start).Seconds()
	t.Logf("%.0f packets per second, the plan allows %d", perSecond, packetsPerSecond(plan))
	if perSecond > float64(packetsPerSecond(plan)) {
		t.Errorf("%.0f packets per second, more than the %d of the plan", perSecond, packetsPerSecond(plan))
	}
}

// patient returns the deadline for the whole of a test: all faults begin within five seconds.
func patient() time.Time { return time.Now().Add(testnet.Margin(20 * time.Second)) }

// eventually polls until something holds, or ends the wait with a failure.
func eventually(t *testing.T, deadline time.Time, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		if time.Now().After(deadline) {
			t.Errorf("not in time: %s", what)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}
