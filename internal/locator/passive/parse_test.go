package passive

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equate = cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}, netip.Prefix{})

// recorded returns a message as a kernel sent it.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".hex")
	if err != nil {
		t.Fatal(err)
	}
	m, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the messages were recorded on a little-endian machine")
	}
	return m
}

// tcpInfo returns where struct tcp_info is in a recorded message, which has
// it at the end.
func tcpInfo(m []byte) (attribute, value int) {
	for at := messageSize; at < len(m); {
		size, kind := int(binary.NativeEndian.Uint16(m[at:])), binary.NativeEndian.Uint16(m[at+2:])
		if kind == infoType {
			return at, at + 4
		}
		at += (size + 3) &^ 3
	}
	panic("no tcp_info")
}

func TestRecordedMessagesAreRead(t *testing.T) {
	v4 := Counts{Segments: 1, Acked: 1010, Received: 523}
	for name, want := range map[string]Conn{
		"linux_6.18_ipv4": {
			Cookie: 9, Local: netip.MustParseAddrPort("198.18.1.1:50980"), Remote: netip.MustParseAddrPort("198.18.1.2:36193"),
			RTT: 32 * time.Microsecond, RTTVar: 17 * time.Microsecond, MinRTT: 11 * time.Microsecond,
			Total: v4, Interval: v4,
		},
		"linux_6.18_ipv6": {
			Cookie: 10, Local: netip.MustParseAddrPort("[2001:db8:1::1]:35710"), Remote: netip.MustParseAddrPort("[2001:db8:1::2]:37705"),
			RTT: 19 * time.Microsecond, RTTVar: 10 * time.Microsecond, MinRTT: 8 * time.Microsecond,
			Total: v4, Interval: v4,
		},
	} {
		got, err := parse(recorded(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, equate); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Each length is that of struct tcp_info in the first kernel that has the field.
func TestOlderKernelsTellLess(t *testing.T) {
	whole := recorded(t, "linux_6.18_ipv4")
	at, value := tcpInfo(whole)
	// All that were sent, in place of those with data.
	binary.NativeEndian.PutUint32(whole[value+infoSegsOut:], 4)
	full, err := parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	linux42 := full
	linux42.MinRTT = 0
	linux42.Total.Segments = 4
	linux41 := linux42
	linux41.Total.Segments = 0
	linux40 := linux41
	linux40.Total.Acked, linux40.Total.Received = 0, 0
	none := Conn{Cookie: full.Cookie, Local: full.Local, Remote: full.Remote}
	for size, want := range map[int]Conn{160: full, 144: linux42, 136: linux41, 104: linux40, 0: none} {
		want.Interval = want.Total
		m := whole[:value+size]
		binary.NativeEndian.PutUint16(m[at:], uint16(4+size))
		got, err := parse(m)
		if err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if diff := cmp.Diff(want, got, equate); diff != "" {
			t.Errorf("%d bytes (-want +got):\n%s", size, diff)
		}
	}
}

func TestNoTimeIsNotTheGreatestOne(t *testing.T) {
	m := recorded(t, "linux_6.18_ipv4")
	_, value := tcpInfo(m)
	binary.NativeEndian.PutUint32(m[value+infoMinRTT:], 1<<32-1)
	if c, err := parse(m); err != nil || c.MinRTT != 0 {
		t.Errorf("least time %v, error %v", c.MinRTT, err)
	}
}

// An IPv6 socket that an IPv4 client is connected to.
func TestMappedAddressesAreIPv4(t *testing.T) {
	m := recorded(t, "linux_6.18_ipv6")
	want := netip.MustParseAddr("198.18.1.2")
	mapped := netip.AddrFrom16(want.As16()).As16()
	copy(m[24:], mapped[:])
	if c, err := parse(m); err != nil || c.Remote.Addr() != want {
		t.Errorf("remote %v, error %v", c.Remote, err)
	}
}

func TestDamagedMessagesAreErrors(t *testing.T) {
	whole := recorded(t, "linux_6.18_ipv4")
	for _, size := range []int{0, 1, messageSize - 1, messageSize + 3} {
		if _, err := parse(whole[:size]); !errors.Is(err, errShort) {
			t.Errorf("%d bytes: error %v, want %v", size, err, errShort)
		}
	}
	for _, size := range []uint16{0, 3, 5} { // of an attribute with no value
		m := append(whole[:messageSize:messageSize], 0, 0, infoType, 0)
		binary.NativeEndian.PutUint16(m[messageSize:], size)
		if c, err := parse(m); err == nil {
			t.Errorf("attribute of %d bytes: %+v", size, c)
		}
	}
}

// What a kernel sends is no stranger's, but what is wrong must not take the process down.
func FuzzParse(f *testing.F) {
	f.Add(recorded(f, "linux_6.18_ipv4"))
	f.Add(recorded(f, "linux_6.18_ipv6"))
	f.Fuzz(func(t *testing.T, m []byte) {
		c, err := parse(m)
		if err != nil {
			if c != (Conn{}) {
				t.Errorf("error %v with %+v", err, c)
			}
			return
		}
		if c.RTT < 0 || c.RTTVar < 0 || c.MinRTT < 0 || c.Total != c.Interval || !c.Remote.IsValid() || c.Remote.Addr().Is4In6() {
			t.Errorf("%+v", c)
		}
	})
}
