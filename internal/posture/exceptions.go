package posture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Exceptions are the path MTUs that a host has learned, which is where forged ICMP
// leaves its trace. The kernel keeps each for ten minutes by default
// (net.ipv4.route.mtu_expires), and lists it from the first packet on that goes by it.
type Exceptions struct {
	// All counts destinations with an MTU of their own.
	All int
	// Floor counts those of All that are at the least that the kernel accepts, or
	// below: 552 or locked for IPv4, 1280 for IPv6. No link of today has an MTU below
	// 576, so for IPv4 such a message was forged or its sender is broken; for IPv6 it
	// may be a tunnel.
	Floor int
	// Truncated tells that there are more than MaxExceptions.
	Truncated bool
}

// MaxExceptions is how many exceptions are looked at.
const MaxExceptions = 65_536

const (
	// exceptionsTimeout ends the wait for a kernel that walks a very large table.
	exceptionsTimeout = 5 * time.Second
	leastMTU6         = 1280 // RFC 8200 5
	routeMessageSize  = 12   // struct rtmsg, include/uapi/linux/rtnetlink.h
)

// routeExceptions asks for the exceptions of a family, unix.AF_INET or AF_INET6, in the
// namespace of the calling thread, as "ip route show cache" does. The kernel leaves out
// the routes themselves, of which there may be a million, only if it checks requests
// strictly, so it is asked to (since Linux 4.20; both families since 5.3).
func routeExceptions(family uint8) (Exceptions, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return Exceptions{}, fmt.Errorf("list exceptions of routes: %w", err)
	}
	defer s.Close()
	e, err := dumpExceptions(s, family)
	if err != nil {
		return Exceptions{}, fmt.Errorf("list exceptions of routes: %w", err)
	}
	return e, nil
}

func dumpExceptions(s *nl.NetlinkSocket, family uint8) (Exceptions, error) {
	if err := unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1); err != nil {
		return Exceptions{}, fmt.Errorf("strict requests need Linux 4.20: %w", err)
	}
	timeout := unix.NsecToTimeval(int64(exceptionsTimeout))
	if err := errors.Join(s.SetSendTimeout(&timeout), s.SetReceiveTimeout(&timeout)); err != nil {
		return Exceptions{}, err
	}
	request := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
	request.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: family, Flags: unix.RTM_F_CLONED}})
	if err := s.Send(request); err != nil {
		return Exceptions{}, err
	}
	var e Exceptions
	for {
		messages, _, err := s.Receive()
		if err != nil {
			return Exceptions{}, err
		}
		if done, err := e.take(family, request.Seq, messages); done {
			return e, err
		}
	}
}

// take counts what is in messages of a dump, and tells whether it is over.
func (e *Exceptions) take(family uint8, seq uint32, messages []syscall.NetlinkMessage) (done bool, err error) {
	for _, m := range messages {
		switch {
		case m.Header.Seq != seq:
		case m.Header.Type == unix.NLMSG_DONE, m.Header.Type == unix.NLMSG_ERROR:
			return true, dumpError(m.Data)
		case e.All == MaxExceptions:
			// The rest is thrown away with the socket.
			e.Truncated = true
			return true, nil
		default:
			if err := e.count(family, m.Data); err != nil {
				return true, err
			}
		}
	}
	return false, nil
}

// dumpError reads how a dump ended. Empty is well.
func dumpError(m []byte) error {
	if len(m) < 4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(m)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

var errShortRoute = errors.New("short message")

// count reads a struct rtmsg and its attributes. What has no MTU, as that which a
// redirect leaves behind, is not counted.
func (e *Exceptions) count(family uint8, m []byte) error {
	if len(m) < routeMessageSize {
		return errShortRoute
	}
	if binary.NativeEndian.Uint32(m[8:])&unix.RTM_F_CLONED == 0 {
		return nil
	}
	attributes, err := nl.ParseRouteAttr(m[routeMessageSize:])
	if err != nil {
		return fmt.Errorf("parse attributes: %w", err)
	}
	for _, a := range attributes {
		if a.Attr.Type != unix.RTA_METRICS {
			continue
		}
		mtu, locked, err := metrics(a.Value)
		if err != nil {
			return err
		}
		if mtu == 0 {
			continue
		}
		e.All++
		if locked || mtu <= leastMinPMTU || family == unix.AF_INET6 && mtu <= leastMTU6 {
			e.Floor++
		}
	}
	return nil
}

// metrics returns the MTU among the metrics of a route, 0 if there is none, and whether
// it is locked, which is how the kernel notes a message with less than min_pmtu
// (__ip_rt_update_pmtu, net/ipv4/route.c).
func metrics(data []byte) (mtu uint32, locked bool, err error) {
	nested, err := nl.ParseRouteAttr(data)
	if err != nil {
		return 0, false, fmt.Errorf("parse metrics: %w", err)
	}
	for _, a := range nested {
		if len(a.Value) < 4 {
			return 0, false, errShortRoute
		}
		switch value := binary.NativeEndian.Uint32(a.Value); a.Attr.Type {
		case unix.RTAX_MTU:
			mtu = value
		case unix.RTAX_LOCK:
			locked = value&(1<<unix.RTAX_MTU) != 0
		}
	}
	return mtu, locked, nil
}
