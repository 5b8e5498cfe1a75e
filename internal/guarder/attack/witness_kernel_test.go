//go:build kernel && linux

package attack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/testnet"
)

// A witness sees what the stack of a namespace is given by its device, behind what XDP drops, and
// what it sends.
type witness struct {
	fd     int
	ended  atomic.Bool
	done   chan error
	events []event
}

// snap is how much of each packet is looked at: all headers, also those of a quoted packet.
const snap = 256

// newWitness opens the device of a namespace; the witness sees from then on. Of the first packets the
// times are too late: the kernel begins to note them a little later (netstamp_work of
// net/core/dev.c), and gives those without one the time at which they are read.
func newWitness(t *testing.T, ns *testnet.Namespace) *witness {
	t.Helper()
	w := &witness{done: make(chan error, 1)}
	all := int(binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})) // in network order
	var device *net.Interface
	ns.Do(t, func() {
		var err error
		if device, err = net.InterfaceByName(ns.Device); err != nil {
			t.Fatal(err)
		}
		// Of no protocol, so that it sees nothing before it is bound.
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { unix.Close(w.fd) })
	wait := unix.NsecToTimeval(int64(100 * time.Millisecond))
	if err := errors.Join(
		unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
		unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: device.Index}),
	); err != nil {
		t.Fatal(err)
	}
	go func() { w.done <- w.watch() }()
	return w
}

// watch sees until nothing comes any more, once it was told to end.
func (w *witness) watch() error {
	frame, control := make([]byte, snap), make([]byte, 64)
	for {
		n, m, _, from, err := unix.Recvmsg(w.fd, frame, control, 0)
		switch {
		case errors.Is(err, unix.EAGAIN) && w.ended.Load():
			return nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		}
		at, err := stamped(control[:m])
		if err != nil {
			return err
		}
		way, ok := from.(*unix.SockaddrLinklayer)
		// What is read of a packet shares memory with the frame.
		w.events = append(w.events, newEvent(at, ok && way.Pkttype == unix.PACKET_OUTGOING, append([]byte(nil), frame[:n]...)))
	}
}

// stamped returns when a packet came.
func stamped(control []byte) (at time.Time, err error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return at, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), nil
		}
	}
	return at, errors.New("a packet has no time")
}

// story ends the watch and returns what was seen; it fails if the witness has missed anything.
func (w *witness) story(t *testing.T) *story {
	t.Helper()
	w.ended.Store(true)
	if err := <-w.done; err != nil {
		t.Fatalf("see what the host is given: %v", err)
	}
	missed, err := unix.GetsockoptTpacketStats(w.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		t.Fatal(err)
	}
	if missed.Drops > 0 {
		t.Errorf("the witness has missed %d of %d packets", missed.Drops, missed.Packets)
	}
	return newStory(w.events)
}

// tell shows a packet, the end of what was said before, and what was said next.
func tell(s *story, d *event) string {
	before, later := s.around(d)
	var lines []string
	if skipped := len(before) - 40; skipped > 0 {
		lines = append(lines, fmt.Sprintf("(%d packets)", skipped))
		before = before[skipped:]
	}
	add := func(events []event, more string) {
		for _, e := range events {
			lines = append(lines, e.String()+more)
		}
	}
	add(before, "")
	add([]event{*d}, " DROPPED")
	add(later[:min(len(later), 10)], "")
	return strings.Join(lines, "\n")
}

// victimsOf returns the packets that rules have dropped, by "GROUP/RULE", from a file with as many
// samples as the agent has taken.
func victimsOf(t *testing.T, file string, e *guarder.Engine) map[string][]event {
	t.Helper()
	status, err := e.Status()
	if err != nil {
		t.Fatal(err)
	}
	if status.Samples.Lost > 0 {
		t.Errorf("%d samples are lost", status.Samples.Lost)
	}
	for end := time.Now().Add(testnet.Margin(10 * time.Second)); ; time.Sleep(10 * time.Millisecond) {
		records, err := samplesIn(file)
		if uint64(len(records)) >= status.Samples.Taken {
			return byRule(records)
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d samples are in the file: %v", len(records), status.Samples.Taken, err)
		}
	}
}

// samplesIn returns what can be read of a capture.
func samplesIn(file string) (all []capture.Record, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		return nil, err
	}
	for {
		record, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, record)
	}
}

// byRule sorts the packets that were dropped by what the capture notes about them: see
// [guarder.Sample.Comment].
func byRule(records []capture.Record) map[string][]event {
	all := make(map[string][]event)
	for _, r := range records {
		if by, dropped := strings.CutPrefix(r.Comment, "drop by "); dropped {
			rule, _, _ := strings.Cut(by, " ")
			all[rule] = append(all[rule], newEvent(r.Time.Local(), false, r.Frame))
		}
	}
	return all
}
