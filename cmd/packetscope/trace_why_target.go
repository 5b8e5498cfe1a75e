package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
)

// A whyTarget is what the command line names: a process, a socket by its inode, or a destination.
type whyTarget struct {
	number    uint64
	addresses []netip.AddrPort
	text      string
}

// parseWhyTarget reads DEST:PORT, PID or inode. Names are looked up.
func parseWhyTarget(ctx context.Context, text string) (whyTarget, error) {
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > 0 {
		return whyTarget{number: n, text: text}, nil
	}
	host, service, err := net.SplitHostPort(text)
	if err != nil {
		return whyTarget{}, fmt.Errorf("%q is neither a destination as 192.0.2.1:443 or [2001:db8::1]:443, nor the number of a process or the inode of a socket (packetscope sockets --json --processes lists them)", text)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil || port == 0 {
		return whyTarget{}, fmt.Errorf("%q: %q is no port", text, service)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return whyTarget{}, fmt.Errorf("%q: %w", text, err)
	}
	t := whyTarget{text: text}
	for _, a := range addresses {
		t.addresses = append(t.addresses, netip.AddrPortFrom(a.Unmap(), uint16(port)))
	}
	return t, nil
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// find returns the connections that the target names, of all sockets. Those that end in a
// destination count before those that begin there, which are the other ends on this host.
func (t whyTarget) find(all []sockets.Socket, owners func([]owner.Socket) []owner.Owner) []sockets.Socket {
	connected := slices.DeleteFunc(slices.Clone(all), func(s sockets.Socket) bool {
		return s.Peer.Port() == 0 || s.Protocol != sockets.TCP && s.Protocol != sockets.UDP
	})
	where := func(fits func(sockets.Socket) bool) (found []sockets.Socket) {
		for _, s := range connected {
			if fits(s) {
				found = append(found, s)
			}
		}
		return found
	}
	if t.number == 0 {
		found := where(func(s sockets.Socket) bool {
			return slices.Contains(t.addresses, unmapped(s.Peer)) && s.State != sockets.TimeWait
		})
		if len(found) == 0 {
			found = where(func(s sockets.Socket) bool {
				return slices.Contains(t.addresses, unmapped(s.Local)) && s.State != sockets.TimeWait
			})
		}
		return found
	}
	wanted := make([]owner.Socket, len(connected))
	for i, s := range connected {
		wanted[i] = owner.Socket{Inode: s.Inode}
	}
	holders := owners(wanted)
	var found []sockets.Socket
	for i, s := range connected {
		if holders[i].PID != 0 && uint64(holders[i].PID) == t.number {
			found = append(found, s)
		}
	}
	if len(found) > 0 {
		return found
	}
	return where(func(s sockets.Socket) bool { return s.Inode == t.number })
}

// choose returns the one connection; nil if there is none to a destination, of which attempts
// may be seen all the same.
func (t whyTarget) choose(all []sockets.Socket, owners func([]owner.Socket) []owner.Owner) (*sockets.Socket, error) {
	found := t.find(all, owners)
	switch {
	case len(found) == 1:
		return &found[0], nil
	case len(found) == 0 && t.number == 0:
		return nil, nil
	case len(found) == 0:
		return nil, fmt.Errorf("neither does a process %s have a connection, nor is there one with that inode (packetscope sockets --all-namespaces --processes lists them)", t.text)
	}
	slices.SortFunc(found, func(a, b sockets.Socket) int {
		return cmp.Or(cmp.Compare(b.ReceiveQueue+b.TransmitQueue, a.ReceiveQueue+a.TransmitQueue), cmp.Compare(a.Inode, b.Inode))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%s has %d connections; name one by its inode:", t.text, len(found))
	const most = 20
	for _, s := range found[:min(len(found), most)] {
		fmt.Fprintf(&b, "\n  %d: %s", s.Inode, connectionText(s))
	}
	if len(found) > most {
		fmt.Fprintf(&b, "\n  and %d more", len(found)-most)
	}
	return nil, errors.New(b.String())
}

func connectionText(s sockets.Socket) string {
	return fmt.Sprintf("%v %v > %v, %s, %d bytes to be read, %d to be sent", s.Protocol, unmapped(s.Local), unmapped(s.Peer), s.Protocol.StateName(s.State), s.ReceiveQueue, s.TransmitQueue)
}

// filter returns the expression that chooses the packets of the connection, or of attempts.
func (t whyTarget) filter(s *sockets.Socket) string {
	if s != nil {
		local, peer := unmapped(s.Local), unmapped(s.Peer)
		one := func(from, to netip.AddrPort) string {
			text := fmt.Sprintf("src port %d and dst port %d and dst host %v", from.Port(), to.Port(), to.Addr())
			if !from.Addr().IsUnspecified() {
				text += fmt.Sprintf(" and src host %v", from.Addr())
			}
			return "(" + text + ")"
		}
		text := fmt.Sprintf("%v and (%s or %s)", s.Protocol, one(local, peer), one(peer, local))
		if local.Addr().IsLoopback() {
			text += fmt.Sprintf(" and netns %d", s.Namespace) // every one has such addresses
		}
		return text
	}
	var parts []string
	for _, a := range t.addresses {
		parts = append(parts, fmt.Sprintf("(host %v and port %d)", a.Addr(), a.Port()))
	}
	return "(tcp or udp) and (" + strings.Join(parts, " or ") + ")"
}
