//go:build bench

package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// defences are what a server has against a flood of SYNs.
var defences = []struct {
	name, cookies string
	guarder       bool
}{
	{"none: tcp_syncookies = 0", "0", false},
	{"the kernel's: tcp_syncookies = 1", "1", false},
	{"Guarder's, tcp_syncookies = 1", "1", true},
}

// synFloods are how many SYNs come per second; the last one is as many as can be sent.
var synFloods = []int{0, 1000, 20_000, fastest}

const (
	fastest = -1
	// floodRounds is how often each is tried.
	floodRounds = 3
	// clients come so many, one after each pause, and wait for so long.
	floodClients  = 25
	clientPause   = 80 * time.Millisecond
	clientPatient = 3 * time.Second
	// floodStep is the time of SYNs that are sent at once, by so many strangers in turn.
	floodStep      = 10 * time.Millisecond
	floodStrangers = 1 << 16
	// floodBefore is how many SYNs come before the first client, unless that takes too long.
	floodBefore  = 10_000
	floodPatient = 20 * time.Second
)

// A survival is what became of clients during a flood.
type survival struct {
	share float64
	times []float64 // ms, of those that were served
	rate  float64   // SYNs per second that arrived
}

// surviveFloods has clients come to a server during floods.
func surviveFloods(t *testing.T) section {
	all := make(map[string][]survival)
	key := func(defence, flood int) string { return fmt.Sprint(defence, " ", flood) }
	for range min(floodRounds, *rounds) {
		for k := range synFloods {
			for i := range defences {
				all[key(i, k)] = append(all[key(i, k)], newFlooded(t, i).survive(t, synFloods[k]))
			}
		}
	}
	rows := table{{"SYNs of the flood per second", "defence", "clients that are served", "their median, ms", "95 of 100 below, ms"}}
	for k := range synFloods {
		for i, d := range defences {
			tries := all[key(i, k)]
			rate := over(tries, func(s survival) float64 { return s.rate })
			var times []float64
			served := 0.0
			for _, s := range tries {
				times = append(times, s.times...)
				served += s.share / float64(len(tries))
			}
			row := []string{rate.text(0), d.name, fmt.Sprintf("%.0f %%", 100*served), "", ""}
			if slices.Sort(times); len(times) > 0 {
				row[3], row[4] = fmt.Sprintf("%.1f", times[len(times)/2]), fmt.Sprintf("%.1f", times[(len(times)-1)*95/100])
			}
			rows = append(rows, row)
		}
	}
	return section{
		title: "Guarder: who is served during a flood of SYNs",
		text: fmt.Sprintf(`A server over a veth pair, with the kernel's defaults (%s), and SYNs of strangers who
never answer: %d in turn by a packet socket, and in the last rows some 260,000 by XDP, as fast as one of the CPUs can send.
When %d SYNs have come, %d clients do, one each %v: each connects, sends five bytes and has them echoed, and
gives up after %v, in which its kernel sends its SYN again twice. A server is new for each try, of which there are %d. The rule of
Guarder begins at 500 SYNs per second, in native XDP. The rate is what arrived, clients included. All are on one machine: the CPU
that sends also receives for the server, so in the last rows SYNs that are answered fast are followed by more of them.`,
			queueSizes(t), floodStrangers, floodBefore, floodClients, clientPause, clientPatient, min(floodRounds, *rounds)),
		table: rows,
	}
}

// A flooded is a server, with a barrier that floods it.
type flooded struct {
	*barrier
	wire *testnet.Wire
	syns [][]byte // of as many strangers
	next int
}

// strangers send SYNs.
func strangers(to netip.Addr) []packet.Frame {
	all := make([]packet.Frame, floodStrangers)
	for i := range all {
		all[i] = syn(to)
		all[i].Source = netip.AddrFrom4([4]byte{100, 96, byte(i >> 8), byte(i)})
	}
	return all
}

func newFlooded(t *testing.T, defence int) *flooded {
	d := defences[defence]
	f := &flooded{barrier: newBarrierTo(t, d.name, "bench_send_varied", func(b *barrier) []packet.Frame {
		return b.addressed(t, manySources(syn(b.net.Right.V4)))
	})}
	for _, stranger := range f.addressed(t, strangers(f.net.Right.V4)) {
		f.syns = append(f.syns, stranger.Bytes())
	}
	f.wire = f.net.Left.Wire(t)
	// A veth takes what is sent from XDP if it runs a program itself, and what comes from
	// elsewhere also if it receives by NAPI.
	f.attachAt(t, f.net.Left, guardProgram(t, "bench_empty"))
	f.net.Right.Do(t, func() {
		receiveByNAPI(t, f.net.Right.Device)
		routeAll(t, f.net.Left.V4)
	})
	f.net.Right.Set(t, "ipv4/tcp_syncookies", d.cookies)
	f.serve(t)
	if d.guarder {
		f.guard(t, cookiePolicy(t, "500/s"), compile.LoadOptions{Own: []netip.Addr{f.net.Right.V4}, Sockets: true})
	}
	return f
}

// serve echoes what clients send.
func (f *flooded) serve(t *testing.T) {
	f.net.Right.Do(t, func() {
		l, err := net.Listen("tcp", fmt.Sprint(":", cookiePort))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					c.SetDeadline(time.Now().Add(2 * clientPatient))
					io.CopyN(c, c, 5)
				}()
			}
		}()
	})
}

// survive has clients come while SYNs do.
func (f *flooded) survive(t *testing.T, perSecond int) (s survival) {
	end, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- f.flood(t, perSecond, end) }()
	for begin := time.Now(); perSecond != 0 && f.received(t) < floodBefore && time.Since(begin) < floodPatient; {
		time.Sleep(floodStep)
	}
	begin, before := time.Now(), f.received(t)
	var clients sync.WaitGroup
	times := make(chan time.Duration, floodClients)
	for range floodClients {
		clients.Go(func() {
			if took, err := f.ask(t); err == nil {
				times <- took
			}
		})
		time.Sleep(clientPause)
	}
	clients.Wait()
	s.rate = float64(f.received(t)-before) / time.Since(begin).Seconds()
	close(end)
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	close(times)
	for took := range times {
		s.times = append(s.times, float64(took.Microseconds())/1000)
	}
	s.share = float64(len(s.times)) / floodClients
	return s
}

func (f *flooded) received(t *testing.T) uint64 {
	n, _ := f.net.Right.Packets(t)
	return n
}

// flood sends SYNs until its end.
func (f *flooded) flood(t *testing.T, perSecond int, end <-chan struct{}) (err error) {
	if perSecond == 0 {
		<-end
		return nil
	}
	f.net.Left.Do(t, func() {
		defer onOneCPU(t)()
		for next := time.Now(); err == nil; next = next.Add(floodStep) {
			select {
			case <-end:
				return
			default:
			}
			if perSecond == fastest {
				const liveFrames, most = 2, 1 << 15
				_, err = f.send.Run(&ebpf.RunOptions{Data: f.data, Repeat: most, Flags: liveFrames})
				continue
			}
			time.Sleep(time.Until(next))
			for range perSecond * int(floodStep) / int(time.Second) {
				f.next++
				err = f.wire.Send(f.syns[f.next%len(f.syns)])
				if errors.Is(err, unix.ENOBUFS) { // the server is behind: the wire loses it
					err = nil
				}
				if err != nil {
					return
				}
			}
		}
	})
	return err
}

// ask is a client.
func (f *flooded) ask(t *testing.T) (took time.Duration, err error) {
	f.net.Left.Do(t, func() {
		begin := time.Now()
		var c net.Conn
		if c, err = net.DialTimeout("tcp", netip.AddrPortFrom(f.net.Right.V4, cookiePort).String(), clientPatient); err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(begin.Add(clientPatient))
		if _, err = c.Write([]byte("hello")); err == nil {
			_, err = io.ReadFull(c, make([]byte, 5))
		}
		took = time.Since(begin)
	})
	return took, err
}

// queueSizes says how many half-open connections there may be.
func queueSizes(t *testing.T) string {
	var all []string
	f := newFlooded(t, 0)
	f.net.Right.Do(t, func() {
		for _, key := range []string{"core/somaxconn", "ipv4/tcp_max_syn_backlog"} {
			text, err := os.ReadFile("/proc/sys/net/" + key)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.ReplaceAll(key, "/", ".")+" = "+strings.TrimSpace(string(text)))
		}
	})
	return strings.Join(all, ", ")
}
