//go:build kernel && linux

package testnet

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// An answer is an ICMP error to a datagram; the zero value is none.
type answer struct {
	From       netip.Addr
	Type, Code byte
	Info       uint32 // the MTU
}

// ask sends a datagram from a port and waits for the error that it provokes. How long
// it waits for nothing says patience.
func ask(t *testing.T, p *Path, f Family, ttl int, port uint16, size int, patience time.Duration) answer {
	t.Helper()
	var fd int
	p.Host.Do(t, func() {
		var err error
		family, level, hops, errors, discover := unix.AF_INET, unix.SOL_IP, unix.IP_TTL, unix.IP_RECVERR, unix.IP_MTU_DISCOVER
		if f == IPv6 {
			family, level, hops = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_UNICAST_HOPS
			errors, discover = unix.IPV6_RECVERR, unix.IPV6_MTU_DISCOVER
		}
		fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		for option, value := range map[int]int{hops: ttl, errors: 1, discover: unix.IP_PMTUDISC_PROBE} {
			if err := unix.SetsockoptInt(fd, level, option, value); err != nil {
				t.Fatal(err)
			}
		}
	})
	defer unix.Close(fd)
	local, remote := unix.Sockaddr(&unix.SockaddrInet4{Port: int(port)}), unix.Sockaddr(&unix.SockaddrInet4{Port: 33434, Addr: p.Dest.V4.As4()})
	if f == IPv6 {
		local, remote = &unix.SockaddrInet6{Port: int(port)}, &unix.SockaddrInet6{Port: 33434, Addr: p.Dest.V6.As16()}
	}
	if err := unix.Bind(fd, local); err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendto(fd, make([]byte, size), 0, remote); err != nil {
		t.Fatal(err)
	}
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLERR}}
	n, err := unix.Poll(poll, int(patience.Milliseconds()))
	for err == unix.EINTR { // the runtime's signals end a call that has a timeout (signal(7))
		n, err = unix.Poll(poll, int(patience.Milliseconds()))
	}
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return answer{}
	}
	oob := make([]byte, 512)
	_, n, _, _, err = unix.Recvmsg(fd, nil, oob, unix.MSG_ERRQUEUE)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) == 0 {
		t.Fatalf("read error queue: %d messages, %v", len(messages), err)
	}
	d := messages[0].Data // struct sock_extended_err, then the sockaddr of who sent it
	a := answer{Type: d[5], Code: d[6], Info: binary.NativeEndian.Uint32(d[8:])}
	if f == IPv4 {
		a.From = netip.AddrFrom4([4]byte(d[20:]))
	} else {
		a.From = netip.AddrFrom16([16]byte(d[24:]))
	}
	return a
}

// expired and refused are the answers of a router and of the destination.
func expired(f Family, from netip.Addr) answer {
	if f == IPv4 {
		return answer{From: from, Type: 11}
	}
	return answer{From: from, Type: 3}
}

func refused(f Family, from netip.Addr) answer {
	if f == IPv4 {
		return answer{From: from, Type: 3, Code: 3}
	}
	return answer{From: from, Type: 1, Code: 4}
}

const (
	always = 2 * time.Second // for what is there at once
	never  = 20 * time.Millisecond
)

func TestEachRouterOfAPathAnswersFromItsAddress(t *testing.T) {
	p := NewPath(t, PathConfig{Widths: []int{1, 1, 1}})
	for _, f := range Families {
		hops := p.Hops(f)
		for round := range 9 { // more than limits would let pass
			for i, want := range hops {
				expect := expired(f, want[0])
				if i == len(hops)-1 {
					expect = refused(f, want[0])
				}
				if got := ask(t, p, f, i+1, 40000, 10, Margin(always)); got != expect {
					t.Fatalf("round %d, %s, TTL %d: got %v, want %v", round, f, i+1, got, expect)
				}
			}
		}
	}
}

func TestFlowsSpreadOverAStage(t *testing.T) {
	p := NewPath(t, PathConfig{Widths: []int{1, 3, 1}})
	for _, f := range Families {
		seen := map[netip.Addr]bool{}
		for port := range uint16(48) {
			first := ask(t, p, f, 2, 40000+port, 10, Margin(always))
			// In IPv6 each socket has a flow label of its own, which counts too.
			if again := ask(t, p, f, 2, 40000+port, 10, Margin(always)); f == IPv4 && again != first {
				t.Errorf("port %d: %v, then %v", port, first, again)
			}
			seen[first.From] = true
		}
		// Probability that one of three is missed: 3*(2/3)^48, 1 in 100 million.
		want := map[netip.Addr]bool{}
		for _, a := range p.Hops(f)[1] {
			want[a] = true
		}
		if d := cmp.Diff(want, seen, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s: -want +got:\n%s", f, d)
		}
		p.Stages[0][0].Forward(t, 2)
		for port := range uint16(9) {
			if got, want := ask(t, p, f, 2, 40000+port, 10, Margin(always)), expired(f, p.Hops(f)[1][2]); got != want {
				t.Errorf("%s, after all goes to the third: got %v, want %v", f, got, want)
			}
		}
		p.Stages[0][0].Forward(t, 0, 1, 2)
	}
}

func TestPathsPlay(t *testing.T) {
	prohibited := map[Family]answer{IPv4: {Type: 3, Code: 13}, IPv6: {Type: 1, Code: 1}}
	unreachable := map[Family]answer{IPv4: {Type: 3, Code: 1}, IPv6: {Type: 1, Code: 0}}
	for _, f := range Families {
		t.Run(f.String(), func(t *testing.T) {
			p := NewPath(t, PathConfig{Widths: []int{1, 1, 1}})
			hops, r := p.Hops(f), p.Stages[1][0]
			check := func(what string, ttl, size int, patience time.Duration, want answer) {
				t.Helper()
				if got := ask(t, p, f, ttl, 40000, size, patience); got != want {
					t.Errorf("%s: TTL %d got %v, want %v", what, ttl, got, want)
				}
			}
			end := refused(f, hops[3][0])

			d := r.Silence(t)
			check("silent", 2, 10, never, answer{})
			check("silent", 4, 10, Margin(always), end)
			d.Stop(t)
			check("not silent", 2, 10, Margin(always), expired(f, hops[1][0]))

			d = r.LoseForwarded(t, 100, ToDest)
			check("lost forward", 3, 10, never, answer{})
			check("lost forward", 2, 10, Margin(always), expired(f, hops[1][0]))
			d.Stop(t)
			d = r.LoseForwarded(t, 100, ToHost)
			check("lost backward", 3, 10, never, answer{})
			check("lost backward", 2, 10, Margin(always), expired(f, hops[1][0]))
			d.Stop(t)

			d = r.Reject(t)
			want := prohibited[f]
			want.From = hops[1][0]
			check("rejected", 4, 10, Margin(always), want)
			d.Stop(t)

			r.Unreachable(t)
			want = unreachable[f]
			want.From = hops[1][0]
			check("unreachable", 4, 10, Margin(always), want)
			r.Forward(t, 0)
			check("reachable again", 4, 10, Margin(always), end)

			d = r.Masquerade(t)
			check("behind a NAT", 4, 10, Margin(always), end)
			d.Stop(t)

			p.SetMTU(t, 3, 1400)
			want = answer{From: hops[1][0], Type: 3, Code: 4, Info: 1400}
			if f == IPv6 {
				want.Type, want.Code = 2, 0
			}
			check("small link", 4, 1430, Margin(always), want)
			check("small packet", 4, 1300, Margin(always), end)
			r.HideMTU(t)
			check("hidden", 4, 1430, never, answer{})
		})
	}
}

// A kernel answers 6 at once in IPv4, and one more each second that the test takes.
func TestErrorsAreLimited(t *testing.T) {
	check := func(p *Path, f Family, burst int) {
		t.Helper()
		start, got := time.Now(), 0
		for range 30 {
			// An answer is there at once, unless the machine is busy.
			if ask(t, p, f, 1, 40000, 10, max(100*time.Millisecond, Margin(never))) == expired(f, p.Hops(f)[0][0]) {
				got++
			}
		}
		if most := burst + 1 + int(time.Since(start).Seconds()); got < burst || got > most {
			t.Errorf("%d of 30 answered in %s, want %d to %d", got, f, burst, most)
		}
	}
	check(NewPath(t, PathConfig{Widths: []int{1, 1}, Limited: true}), IPv4, 6)
	p := NewPath(t, PathConfig{Widths: []int{1, 1}})
	p.Stages[0][0].LimitErrors(t, 1, 3)
	for _, f := range Families {
		check(p, f, 3)
	}
}
