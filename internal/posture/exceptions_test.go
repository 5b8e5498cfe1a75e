package posture

import (
	"encoding/binary"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// route is a message about a route with metrics, as the kernel writes it.
func route(family uint8, flags uint32, metrics map[int]uint32) []byte {
	m := make([]byte, routeMessageSize)
	m[0] = family
	binary.NativeEndian.PutUint32(m[8:], flags)
	nested := nl.NewRtAttr(unix.RTA_METRICS, nil)
	for kind, value := range metrics {
		nested.AddRtAttr(kind, nl.Uint32Attr(value))
	}
	m = append(m, nl.NewRtAttr(unix.RTA_DST, []byte{192, 0, 2, 1}).Serialize()...)
	return append(m, nested.Serialize()...)
}

func TestExceptionsAreCountedByTheirMTU(t *testing.T) {
	const cloned = unix.RTM_F_CLONED
	mtu := func(n uint32) map[int]uint32 { return map[int]uint32{unix.RTAX_MTU: n} }
	for _, c := range []struct {
		claim   string
		family  uint8
		flags   uint32
		metrics map[int]uint32
		want    Exceptions
	}{
		{"usual", unix.AF_INET, cloned, mtu(1400), Exceptions{All: 1}},
		{"just above the floor", unix.AF_INET, cloned, mtu(553), Exceptions{All: 1}},
		{"the floor", unix.AF_INET, cloned, mtu(552), Exceptions{All: 1, Floor: 1}},
		{"locked at a higher floor", unix.AF_INET, cloned, map[int]uint32{unix.RTAX_MTU: 1000, unix.RTAX_LOCK: 1 << unix.RTAX_MTU}, Exceptions{All: 1, Floor: 1}},
		{"another metric is locked", unix.AF_INET, cloned, map[int]uint32{unix.RTAX_MTU: 1000, unix.RTAX_LOCK: 1 << unix.RTAX_RTT}, Exceptions{All: 1}},
		{"a small MTU is usual by IPv4", unix.AF_INET, cloned, mtu(1280), Exceptions{All: 1}},
		{"the floor of IPv6", unix.AF_INET6, cloned, mtu(1280), Exceptions{All: 1, Floor: 1}},
		{"above the floor of IPv6", unix.AF_INET6, cloned, mtu(1281), Exceptions{All: 1}},
		{"a route", unix.AF_INET, 0, mtu(552), Exceptions{}},
		{"a redirect", unix.AF_INET, cloned, nil, Exceptions{}},
	} {
		var got Exceptions
		if err := got.count(c.family, route(c.family, c.flags, c.metrics)); err != nil {
			t.Errorf("%s: %v", c.claim, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
	}
}

func TestShortMessagesAreRefused(t *testing.T) {
	whole := route(unix.AF_INET, unix.RTM_F_CLONED, map[int]uint32{unix.RTAX_MTU: 552})
	for _, n := range []int{0, routeMessageSize - 1, routeMessageSize + 6, len(whole) - 1} {
		var e Exceptions
		if err := e.count(unix.AF_INET, whole[:n]); err == nil {
			t.Errorf("%d bytes of %d are no error", n, len(whole))
		}
	}
}

func TestDumpEndsWithItsError(t *testing.T) {
	code := make([]byte, 4)
	if err := dumpError(code); err != nil {
		t.Errorf("0 is %v", err)
	}
	denied := -int32(unix.EPERM)
	binary.NativeEndian.PutUint32(code, uint32(denied))
	if err := dumpError(code); err != unix.EPERM {
		t.Errorf("got %v, want %v", err, unix.EPERM)
	}
}

// TestNoMoreIsCountedThanTheMost has two messages too many, one of which is of another
// request.
func TestNoMoreIsCountedThanTheMost(t *testing.T) {
	message := func(seq uint32) syscall.NetlinkMessage {
		data := route(unix.AF_INET, unix.RTM_F_CLONED, map[int]uint32{unix.RTAX_MTU: 1400})
		return syscall.NetlinkMessage{Header: syscall.NlMsghdr{Seq: seq, Type: unix.RTM_NEWROUTE}, Data: data}
	}
	e := Exceptions{All: MaxExceptions - 1}
	if done, err := e.take(unix.AF_INET, 7, []syscall.NetlinkMessage{message(6), message(7)}); done || err != nil || e.Truncated {
		t.Fatalf("done %v, %v, %+v", done, err, e)
	}
	done, err := e.take(unix.AF_INET, 7, []syscall.NetlinkMessage{message(7)})
	if want := (Exceptions{All: MaxExceptions, Truncated: true}); !done || err != nil || e != want {
		t.Errorf("done %v, %v, %+v, want %+v", done, err, e, want)
	}
}
