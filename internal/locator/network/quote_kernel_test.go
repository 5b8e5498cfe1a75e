//go:build kernel && linux

package network_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// Linux quotes much and adds nothing, other routers do not.
func TestAnswersOfOtherRouters(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	for _, f := range testnet.Families {
		for name, test := range map[string]struct {
			message func(r *responder, packet []byte) []byte
			labels  string
		}{
			"quotes eight bytes": {func(r *responder, packet []byte) []byte {
				return append(r.header(), packet[:r.transport()+8]...)
			}, ""},
			"adds labels": {func(r *responder, packet []byte) []byte {
				return append(r.lengthened(packet), extension(100)...)
			}, " labels 100"},
			"adds garbage": {func(r *responder, packet []byte) []byte {
				return append(r.lengthened(packet), 0x20, 0, 1, 2, 0, 200, 1, 1)
			}, ""},
		} {
			for _, way := range []network.Way{network.Raw, network.Queue} {
				t.Run(fmt.Sprintf("%s/%s/%s", f, name, way), func(t *testing.T) {
					r := newResponder(t, p, f)
					done := make(chan struct{})
					go func() {
						defer close(done)
						r.say(t, test.message(r, r.next(t)))
					}()
					got := run(t, p, way, []job{{Protocol: wire.UDP, Dest: p.Dest.Addr(f), Port: r.port, TTL: 9, Size: 200}})
					<-done
					want := []string{fmt.Sprintf("%s: port_unreachable%s", p.Dest.Addr(f), test.labels)}
					if d := cmp.Diff(want, got.Hops); d != "" {
						t.Errorf("-want +got:\n%s", d)
					}
				})
			}
		}
	}
}

// lengthened returns a message that quotes 128 bytes and says so, for extensions to
// follow (RFC 4884).
func (r *responder) lengthened(packet []byte) []byte {
	message := r.header()
	if r.family == testnet.IPv4 {
		message[5] = 128 / 4
	} else {
		message[4] = 128 / 8
	}
	return append(message, packet[:128]...)
}

// extension is a header of extensions and a stack of one label (RFC 4950).
func extension(label uint32) []byte {
	b := []byte{0x20, 0, 0, 0, 0, 8, 1, 1}
	b = binary.BigEndian.AppendUint32(b, label<<12|1<<8|1)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

// The kernel resets what a SYN has opened, whoever sent it.
func TestNothingStaysOpenAtTheDestination(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	port := listen(t, p.Dest)
	for _, way := range []network.Way{network.Raw, network.Queue} {
		var jobs []job
		for number := range 9 {
			for _, f := range testnet.Families {
				jobs = append(jobs, job{Protocol: wire.TCP, Dest: p.Dest.Addr(f), Port: port, Number: number, TTL: 9})
			}
		}
		for i, got := range run(t, p, way, jobs).Hops {
			if !strings.HasSuffix(got, "syn_ack") {
				t.Errorf("%s: job %d got %s", way, i, got)
			}
		}
		// A SYN-ACK is there before the reset of it has arrived.
		only, got := []string{"0A"}, tcpSockets(t, p.Dest)
		for deadline := time.Now().Add(testnet.Margin(time.Second)); !slices.Equal(got, only) && time.Now().Before(deadline); {
			got = tcpSockets(t, p.Dest)
		}
		if !slices.Equal(got, only) {
			t.Errorf("%s: sockets %v, want only the one that listens", way, got)
		}
	}
}

// tcpSockets returns the states of a namespace's sockets, by the numbers of the kernel's
// tcp_states.h: 0A is listening.
func tcpSockets(t *testing.T, ns *testnet.Namespace) (states []string) {
	t.Helper()
	ns.Do(t, func() {
		for _, name := range []string{"tcp", "tcp6"} {
			text, err := os.ReadFile("/proc/thread-self/net/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
				states = append(states, strings.Fields(line)[3])
			}
		}
	})
	return states
}

// What the kernel has no room for is counted, to the packet.
func TestWhatIsDroppedIsCounted(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1}})
	n, r := open(t, p, network.Raw), newResponder(t, p, testnet.IPv4)
	probe := network.Probe{Flow: n.Flow(wire.UDP, p.Dest.V4, r.port, 0), TTL: 9}
	send(t, n, probe)
	packet := r.next(t)
	r.answer(t, packet)
	answers(t, n, 1)
	const again = 20_000
	message := r.message(packet)
	for sent := 0; sent < again; {
		switch err := unix.Sendto(r.errors, message, 0, r.to); {
		case err == nil:
			sent++
		case !errors.Is(err, unix.ENOBUFS): // the device's queue was full: it was not sent
			t.Fatal(err)
		}
	}
	// The count comes with the next packet that there is room for; answers before that are
	// dropped too.
	want := uint64(again)
	for ; ; want++ {
		r.forget()
		send(t, n, probe)
		r.answer(t, r.next(t))
		if a := answers(t, n, 1)[0]; a.Reply != nil {
			break
		}
	}
	got := n.Stats()
	if got.Duplicates+got.Dropped+got.Late != want {
		t.Errorf("%d duplicates, %d dropped and %d late, want %d together", got.Duplicates, got.Dropped, got.Late, want)
	}
	t.Logf("%d of %d dropped", got.Dropped, again)
}
