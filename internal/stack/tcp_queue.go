package stack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// errNoSockDiag is wrapped with the kernel's error where it has no sock_diag for TCP.
var errNoSockDiag = errors.New("needs CONFIG_INET_DIAG, or its module tcp_diag")

// Sizes and numbers of include/uapi/linux/inet_diag.h.
const (
	sockDiagByFamily = 20
	diagRequestSize  = 56 // struct inet_diag_req_v2
	diagMessageSize  = 72 // struct inet_diag_msg
	diagStateListen  = 10 // TCP_LISTEN
)

// A diagRequest asks for all TCP sockets of a family that listen.
type diagRequest struct{ family uint8 }

// Len implements nl.NetlinkRequestData.
func (r diagRequest) Len() int { return diagRequestSize }

// Serialize implements nl.NetlinkRequestData.
func (r diagRequest) Serialize() []byte {
	b := make([]byte, diagRequestSize)
	b[0], b[1] = r.family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], 1<<diagStateListen)
	return b
}

// addAcceptQueues adds the accept queues of the calling thread's namespace to those
// in queues, by port.
func addAcceptQueues(queues map[uint16]AcceptQueue) error {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		request := nl.NewNetlinkRequest(sockDiagByFamily, unix.NLM_F_DUMP)
		request.AddData(diagRequest{family})
		messages, err := request.Execute(unix.NETLINK_INET_DIAG, 0)
		if errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("list listening sockets: %w (%w)", err, errNoSockDiag)
		}
		if err != nil {
			return fmt.Errorf("list listening sockets: %w", err)
		}
		for _, m := range messages {
			if err := addAcceptQueue(queues, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// addAcceptQueue decodes one struct inet_diag_msg. Of a listening socket its queue
// sizes are those of the accept queue.
func addAcceptQueue(queues map[uint16]AcceptQueue, m []byte) error {
	if len(m) < diagMessageSize {
		return fmt.Errorf("list listening sockets: message of %d bytes, want %d", len(m), diagMessageSize)
	}
	port := binary.BigEndian.Uint16(m[4:])
	q := queues[port]
	q.Port = port
	q.Length += uint64(binary.NativeEndian.Uint32(m[56:]))
	q.Limit += uint64(binary.NativeEndian.Uint32(m[60:]))
	queues[port] = q
	return nil
}

// boundAcceptQueues adds up the queues of the ports that there is no room for.
func boundAcceptQueues(queues map[uint16]AcceptQueue) []AcceptQueue {
	ports := slices.Sorted(maps.Keys(queues))
	bound := make([]AcceptQueue, 0, min(len(ports), MaxAcceptQueues+1))
	for i, port := range ports {
		switch q := queues[port]; {
		case i < MaxAcceptQueues:
			bound = append(bound, q)
		case i == MaxAcceptQueues:
			bound = append(bound, AcceptQueue{Length: q.Length, Limit: q.Limit})
		default:
			bound[MaxAcceptQueues].Length += q.Length
			bound[MaxAcceptQueues].Limit += q.Limit
		}
	}
	return bound
}
