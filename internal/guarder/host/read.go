//go:build linux

package host

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/kernel"
)

// A reader fills in facts. Its files are below root, its netlink sockets in the
// network namespace of the thread that opened it.
type reader struct {
	facts Facts
	nl    *netlink.Handle
	proc  string // "/proc"
	etc   string // "/etc"
	run   string // "/run"
	pid   int
	env   func(string) string
}

// Read takes the facts down. It returns an error only if the kernel cannot be
// asked at all; what is missing for want of a privilege or a feature is in
// [Facts.Unknown].
func Read() (*Facts, error) {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer nl.Close()
	r := reader{nl: nl, proc: "/proc", etc: "/etc", run: "/run", pid: os.Getpid(), env: os.Getenv}
	r.kernel()
	r.devices()
	r.addresses()
	r.gateways()
	r.resolvers()
	r.sockets()
	r.ports()
	r.operator() // by the sockets
	r.detours()
	r.facts.Conntrack = kernel.ThisHost().Conntrack()
	r.cookies()
	return &r.facts, nil
}

// note keeps why a fact is not known.
func (r *reader) note(fact Fact, err error) {
	miss(&r.facts.Unknown, fact, err.Error())
}

func (r *reader) kernel() {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		r.note(Kernel, fmt.Errorf("uname: %w", err))
		return
	}
	r.facts.Kernel = unix.ByteSliceToString(name.Release[:])
}
