package sockets

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/bpf"
)

var equalEnds = cmpopts.EquateComparable(netip.AddrPort{})

const procHeading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"

func TestProcTablesAreParsed(t *testing.T) {
	for _, c := range []struct {
		name, rows string
		record     bpf.SocketRecord
		want       []Socket
	}{
		{"empty", "", bpf.SocketRecord{}, nil},
		{
			"raw over IPv4", "  253: 010012C6:00FD 020012C6:0000 01 00000102:00000304 00:00000000 00000000   104        0 4711 2 0000000000000000 0\n",
			bpf.SocketRecord{Version: 4, Protocol: uint8(Raw)},
			[]Socket{{
				Family: IPv4, Protocol: Raw, State: Established, UID: 104, Inode: 4711,
				Local: netip.MustParseAddrPort("198.18.0.1:253"), Peer: netip.MustParseAddrPort("198.18.0.2:0"),
				TransmitQueue: 0x102, TransmitBytes: 0x102, ReceiveQueue: 0x304, ReceiveBytes: 0x304,
			}},
		},
		{
			"ping over IPv6", "    1: B80D0120000000000000000001000000:0001 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 23 2 0000000000000000 0\n",
			bpf.SocketRecord{Version: 6, Protocol: uint8(ICMPv6)},
			[]Socket{{
				Family: IPv6, Protocol: ICMPv6, State: Closed, Inode: 23,
				Local: netip.MustParseAddrPort("[2001:db8::1]:1"), Peer: netip.MustParseAddrPort("[::]:0"),
			}},
		},
	} {
		var got []Socket
		err := parseProc(procHeading+c.rows, c.record, func(r *bpf.SocketRecord) { got = append(got, decode(0, r)) })
		if diff := cmp.Diff(c.want, got, equalEnds); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}

func TestBadProcRowsAreNamed(t *testing.T) {
	for row, want := range map[string]string{
		"1: 2 3":                        `"1: 2 3": too few columns`,
		"1: 0X:1 0:0 07 0:0 0 0 0 0 1":  `bad address "0X"`,
		"1: 00:1 0G:0 07 0:0 0 0 0 0 1": `bad address "0G"`,
		"1: 00:1 00:0 xx 0:0 0 0 0 0 1": `parsing "xx"`,
		"1: 00:1 00:0 07 0:0 0 0 0 0 x": `parsing "x"`,
	} {
		err := parseProc(procHeading+row+"\n", bpf.SocketRecord{}, func(*bpf.SocketRecord) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", row, err, want)
		}
	}
}
