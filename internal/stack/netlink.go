package stack

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// priorityTries is how many priorities are tried at either end of a netfilter
// hook. The kernel gives each priority to one BPF program only.
const priorityTries = 64

// attachAt attaches a program in the network namespace of the calling thread.
func attachAt(at place, prog *ebpf.Program) (link.Link, error) {
	switch at.target {
	case "ingress":
		return link.AttachTCX(link.TCXOptions{Interface: at.ifindex, Program: prog, Attach: ebpf.AttachTCXIngress})
	case "egress":
		return link.AttachTCX(link.TCXOptions{Interface: at.ifindex, Program: prog, Attach: ebpf.AttachTCXEgress})
	}
	hook := slices.Index(netfilterHooks, at.target)
	for try := range int32(priorityTries) {
		// INT_MIN and INT_MAX themselves are refused.
		priority := math.MinInt32 + 1 + try
		if at.last {
			priority = math.MaxInt32 - 1 - try
		}
		l, err := link.AttachNetfilter(link.NetfilterOptions{
			Program:        prog,
			ProtocolFamily: link.NetfilterProtocolFamily(at.family),
			Hook:           link.NetfilterInetHook(hook),
			Priority:       priority,
		})
		if !errors.Is(err, unix.EBUSY) {
			return l, err
		}
	}
	return nil, fmt.Errorf("netfilter hook %s: the %d priorities at its end are taken", at.target, priorityTries)
}

// deviceIndexes returns the devices of the calling thread's namespace, if any probe
// is attached to devices.
func deviceIndexes(probes []perNamespace) ([]int, error) {
	needed := slices.ContainsFunc(probes, func(p perNamespace) bool { return isTCX(p.attachments[0]) })
	if !needed {
		return nil, nil
	}
	devices, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	var indexes []int
	for _, d := range devices {
		indexes = append(indexes, d.Index)
	}
	return indexes, nil
}
