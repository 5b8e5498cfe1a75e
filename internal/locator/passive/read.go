//go:build linux

package passive

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Read returns the established TCP connections of the network namespace of the calling
// thread, those of IPv4 sockets first. Connections that come and go while it reads
// may be missing.
func Read() ([]Conn, error) {
	var conns []Conn
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := dump(family, func(c Conn) { conns = append(conns, c) })
		if errors.Is(err, unix.ENOENT) {
			return nil, fmt.Errorf("ask sock_diag for connections: %w (the kernel module tcp_diag is missing: CONFIG_INET_TCP_DIAG)", err)
		}
		if err != nil {
			return nil, fmt.Errorf("ask sock_diag for connections: %w", err)
		}
	}
	return conns, nil
}

// dump calls fn for each connection of one family. A socket that takes both families is
// of IPv6.
func dump(family uint8, fn func(Conn)) error {
	request := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	// struct inet_diag_req_v2: family, protocol, extensions, padding, states, and a
	// socket's identity of 48 bytes that a dump does not look at.
	body := make([]byte, 56)
	body[0], body[1], body[2] = family, unix.IPPROTO_TCP, 1<<(infoType-1)
	binary.NativeEndian.PutUint32(body[4:], 1<<unix.BPF_TCP_ESTABLISHED)
	request.AddRawData(body)
	var fault error
	err := request.ExecuteIter(unix.NETLINK_INET_DIAG, 0, func(m []byte) bool {
		var c Conn
		if c, fault = parse(m); fault == nil {
			fn(c)
		}
		return fault == nil
	})
	// Interrupted means that sockets came and went meanwhile, as they do.
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return err
	}
	return fault
}

// NewReader returns a reader that has seen nothing yet.
func NewReader() *Reader { return &Reader{read: Read} }
