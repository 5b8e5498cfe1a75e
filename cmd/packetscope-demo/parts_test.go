//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestSegmentChecksum(t *testing.T) {
	// Computed by hand: all 16-bit words of addresses, protocol, length and header
	// add up to 0xffff with the checksum in place.
	whole := func(s segment) uint32 {
		b := append(s.from.Addr().AsSlice(), s.to.Addr().AsSlice()...)
		b = append(append(b, 0, 6, 0, 20), s.bytes()...)
		sum := uint32(0)
		for i := 0; i < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		return sum
	}
	for _, ends := range [][2]string{{"192.0.2.1:20000", "198.51.100.7:80"}, {"[2001:db8::1]:20000", "[2001:db8::2]:80"}} {
		s := segment{from: netip.MustParseAddrPort(ends[0]), to: netip.MustParseAddrPort(ends[1]), flags: flagSYN, sequence: 0xdeadbeef}
		if got := whole(s); got != 0xffff {
			t.Errorf("%v: the sum is %#x, want 0xffff", ends, got)
		}
		s.damaged = true
		if got := whole(s); got == 0xffff {
			t.Errorf("%v: the damaged segment has a right checksum", ends)
		}
	}
}

func TestUnusedAddresses(t *testing.T) {
	for _, c := range []struct {
		network string
		n       byte
		want    string
	}{
		{"198.19.142.0/24", 0, "198.19.142.245"},
		{"198.19.142.0/24", 1, "198.19.142.244"},
		{"10.0.0.0/8", 0, "10.255.255.245"},
		{"fd50:7363:6f70:65::/64", 1, "fd50:7363:6f70:65::deae"},
		{"198.19.142.0/29", 0, ""},
		{"2001:db8::/120", 0, ""},
	} {
		got, err := unused(netip.MustParsePrefix(c.network), c.n)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), c.network) {
				t.Errorf("%s: %v, %v; want an error that names the network", c.network, got, err)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("%s: %v, %v; want %s", c.network, got, err, c.want)
		}
		if !netip.MustParsePrefix(c.network).Contains(got) {
			t.Errorf("%s is not in %s", got, c.network)
		}
	}
}

// TestDiaryIsQuiet keeps the log of a demo that runs for days short.
func TestDiaryIsQuiet(t *testing.T) {
	var log bytes.Buffer
	d := diary{task: task{name: "loss", fault: true}, logger: slog.New(slog.NewTextHandler(&log, nil))}
	start := time.Unix(1_000_000, 0)
	for second := range 180 {
		d.note(start.Add(time.Duration(second)*time.Second), nil)
		d.note(start.Add(time.Duration(second)*time.Second), errors.New("no"))
	}
	for _, what := range []string{"fault provoked", "task failed"} {
		if got := strings.Count(log.String(), what); got != 3 {
			t.Errorf("%q is in the log %d times in three minutes, want 3:\n%s", what, got, log.String())
		}
	}
}

func TestClientTakesOneAddressOfEachVersion(t *testing.T) {
	c := &client{}
	for _, text := range []string{"192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1", "2001:db8::2"} {
		c.add([]netip.Addr{netip.MustParseAddr(text)})
	}
	if len(c.server) != 2 || c.server[0].String() != "192.0.2.1" || c.server[1].String() != "2001:db8::1" {
		t.Errorf("got %v", c.server)
	}
}

// TestClientGivesUp ends a client whose server is gone, so that the one that is
// started in its place looks for the server anew.
func TestClientGivesUp(t *testing.T) {
	h := &health{}
	h.beat()
	ctx, stop := context.WithCancel(t.Context())
	if err := h.watch(ctx, time.Millisecond); err == nil || !strings.Contains(err.Error(), "has not answered for 1ms") {
		t.Errorf("got %v", err)
	}
	h.beat()
	stop()
	if err := h.watch(ctx, time.Hour); err != nil {
		t.Errorf("the end of the demo is %v", err)
	}
}

// TestQuotedPacketsAreWhole: a filter that reads what an ICMP error quotes must find a
// packet there.
func TestQuotedPacketsAreWhole(t *testing.T) {
	from, to := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	header := quoted4(from, to)
	if sum16(header[:20]) != 0 || len(header) != 28 {
		t.Errorf("%d bytes, and the checksum of the header is off by %#x", len(header), sum16(header[:20]))
	}
	from, to = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	if got := quoted6(from, to); len(got) != 48 || got[0] != 0x60 || !bytes.Equal(got[8:24], from.AsSlice()) || !bytes.Equal(got[24:40], to.AsSlice()) {
		t.Errorf("%d bytes: %x", len(got), got)
	}
}
