package sockets

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/bpf"
)

// procFiles list the sockets that have no iterator. They are of the namespace of
// the thread that opens them.
var procFiles = []struct {
	name     string
	family   Family
	protocol Protocol
}{
	{"raw", IPv4, Raw},
	{"raw6", IPv6, Raw},
	{"icmp", IPv4, ICMP},
	{"icmp6", IPv6, ICMPv6},
}

// eachInProc reads the sockets of the calling thread's namespace that have no
// iterator.
func eachInProc(fn func(*bpf.SocketRecord)) error {
	for _, file := range procFiles {
		text, err := os.ReadFile("/proc/thread-self/net/" + file.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return err
		}
		record := bpf.SocketRecord{Version: uint8(file.family), Protocol: uint8(file.protocol)}
		if err := parseProc(string(text), record, fn); err != nil {
			return fmt.Errorf("parse /proc/net/%s: %w", file.name, err)
		}
	}
	return nil
}

// parseProc reads a table such as
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//	253: 00000000:00FD 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 00000000 0
//
// with addresses in words of the machine's byte order (raw_sock_seq_show() in the
// kernel's net/ipv4/raw.c). It passes on record with each row filled in.
func parseProc(text string, record bpf.SocketRecord, fn func(*bpf.SocketRecord)) error {
	_, rows, _ := strings.Cut(text, "\n") // the heading
	for line := range strings.Lines(rows) {
		r := record
		if err := parseProcRow(strings.Fields(line), &r); err != nil {
			return fmt.Errorf("%q: %w", strings.TrimSpace(line), err)
		}
		fn(&r)
	}
	return nil
}

var errShortRow = errors.New("too few columns")

func parseProcRow(columns []string, r *bpf.SocketRecord) (err error) {
	if len(columns) < 10 {
		return errShortRow
	}
	number := func(text string, base, bits int) uint64 {
		n, e := strconv.ParseUint(text, base, bits)
		err = errors.Join(err, e)
		return n
	}
	address := func(text string, to *[4]uint32) uint16 {
		host, port, _ := strings.Cut(text, ":")
		if _, e := hex.DecodeString(host); e != nil || len(host) > 32 {
			err = errors.Join(err, fmt.Errorf("bad address %q", host))
			return 0
		}
		for i := range len(host) / 8 {
			to[i] = uint32(number(host[8*i:8*i+8], 16, 32))
		}
		return uint16(number(port, 16, 16))
	}
	r.LocalPort, r.PeerPort = address(columns[1], &r.Local), address(columns[2], &r.Peer)
	r.State = uint8(number(columns[3], 16, 8))
	transmit, receive, _ := strings.Cut(columns[4], ":")
	r.TransmitBytes, r.ReceiveBytes = uint32(number(transmit, 16, 32)), uint32(number(receive, 16, 32))
	r.TransmitQueue, r.ReceiveQueue = r.TransmitBytes, r.ReceiveBytes
	r.Uid = uint32(number(columns[7], 10, 32))
	r.Inode = number(columns[9], 10, 64)
	return err
}
