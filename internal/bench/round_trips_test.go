//go:build bench

package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// What probing may take and how wrong a round trip may be.
const (
	aimedError   = 200 * time.Microsecond // 95 of 100, under load
	aimedProbe   = 100.0                  // µs of CPU
	probesPerSec = 100
	destinations = 64
)

// A tripRound is one turn: round trips in ms by how they were measured, and µs of CPU per
// probe.
type tripRound struct {
	idle, busy trips
	// cpu is all, bare that of a socket that only sends, and timer that of what paces both.
	cpu, bare, timer float64
}

// trips are of the same packets, by the kernel's stamps and by a process that reads them
// when it gets to.
type trips struct{ kernel, user []float64 }

// roundTrips measures how true round trips are and what a probe costs.
func roundTrips(t *testing.T) section {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	var all []tripRound
	for range *rounds {
		var r tripRound
		r.idle = measureTrips(t, p)
		stop := keepBusy()
		r.busy = measureTrips(t, p)
		stop()
		r.timer = cpuOfTimer()
		r.cpu = cpuOfProbes(t, p) - r.timer
		r.bare = cpuOfSending(t, p) - r.timer
		all = append(all, r)
	}
	return section{
		title: "Round trips",
		text: fmt.Sprintf(`Probes of UDP to the third router of a path of namespaces, %d per second, for %v in each of %d rounds. The same packets
are timed by the kernel's stamps, as Locator does, and as most tools do: by a goroutine that waits in a socket
of its own and then reads the clock. "Busy" is with 8 goroutines that compute and allocate. What is true is not known; the
idle median of the kernel's stamps is taken for it, and the error is the difference to that.

CPU time is that of the whole process, to %d destinations (ports) in turn, less that of the timer that paces the
probes. All routers are on this machine too, and what they do is done while the packet is sent: the second row is a
socket that sends the same packets and nothing else.`, probesPerSec, *slice, *rounds, destinations),
		table: tripTable(all),
	}
}

func tripTable(all []tripRound) table {
	pick := func(of func(tripRound) []float64) []float64 {
		var values []float64
		for _, r := range all {
			values = append(values, of(r)...)
		}
		slices.Sort(values)
		return values
	}
	at := func(sorted []float64, part float64) float64 { return sorted[int(part*float64(len(sorted)-1))] }
	truth := at(pick(func(r tripRound) []float64 { return r.idle.kernel }), 0.5)
	rows := table{{"what", "median", "95 of 100 below", "aim", ""}}
	for _, c := range []struct {
		name string
		of   func(tripRound) []float64
		aim  bool
	}{
		{"error by the kernel's stamps, idle, ms", func(r tripRound) []float64 { return r.idle.kernel }, false},
		{"error by reading the clock, idle, ms", func(r tripRound) []float64 { return r.idle.user }, false},
		{"error by the kernel's stamps, busy, ms", func(r tripRound) []float64 { return r.busy.kernel }, true},
		{"error by reading the clock, busy, ms", func(r tripRound) []float64 { return r.busy.user }, false},
	} {
		var errors []float64
		for _, v := range pick(c.of) {
			errors = append(errors, max(v-truth, truth-v))
		}
		slices.Sort(errors)
		row := []string{c.name, fmt.Sprintf("%.3f", at(errors, 0.5)), fmt.Sprintf("%.3f", at(errors, 0.95)), "", ""}
		if c.aim {
			row[3] = fmt.Sprintf("< %.1f", aimedError.Seconds()*1e3)
			row[4] = met(at(errors, 0.95) < aimedError.Seconds()*1e3)
		}
		rows = append(rows, row)
	}
	cpu := over(all, func(r tripRound) float64 { return r.cpu })
	bare := over(all, func(r tripRound) float64 { return r.bare })
	return append(rows,
		[]string{"CPU per probe and answer, µs", cpu.text(0), "", fmt.Sprintf("< %.0f", aimedProbe), met(cpu.median < aimedProbe)},
		[]string{"a socket that only sends, µs", bare.text(0), "", "", ""},
		[]string{"beyond that, µs", over(all, func(r tripRound) float64 { return r.cpu - r.bare }).text(0), "", "", ""},
		[]string{"for comparison: the timer, each time, µs", over(all, func(r tripRound) float64 { return r.timer }).text(0), "", "", ""},
		[]string{fmt.Sprintf("share of one CPU at %d probes/s", probesPerSec),
			fmt.Sprintf("%.2f %%", cpu.median*probesPerSec/1e4), "", "< 1 %", met(cpu.median*probesPerSec < 1e4)},
	)
}

// pace calls f with 0, 1, ... at the rate of probes for d.
func pace(d time.Duration, f func(i int)) (calls int) {
	ticker := time.NewTicker(time.Second / probesPerSec)
	defer ticker.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); calls++ {
		<-ticker.C
		f(calls)
	}
	return calls
}

// openAtHost opens a Network.
func openAtHost(t *testing.T, p *testnet.Path) (n *network.Network) {
	t.Helper()
	var err error
	p.Host.Do(t, func() { n, err = network.Open(network.Config{Way: network.Raw}) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// measureTrips sends probes and times them in both ways.
func measureTrips(t *testing.T, p *testnet.Path) (r trips) {
	n := openAtHost(t, p)
	defer n.Close()
	w := startWitness(t, p)
	defer w.close()
	flow := n.Flow(wire.UDP, p.Dest.V4, 33434, 0)
	count := pace(*slice, func(int) {
		if err := n.Send(network.Probe{Flow: flow, TTL: 3}); err != nil {
			t.Fatal(err)
		}
	})
	sent := make(map[uint16]network.Answer)
	for range count {
		a := <-n.Answers()
		if a.Reply == nil {
			t.Fatalf("no answer: %+v", a)
		}
		sent[a.Reply.Quoted.ID] = a
		r.kernel = append(r.kernel, a.RTT.Seconds()*1e3)
	}
	for range count {
		heard := <-w.heard
		r.user = append(r.user, heard.at.Sub(sent[heard.id].Sent).Seconds()*1e3)
	}
	if s := n.Stats().Timestamps; s.TX.User+s.RX.User > 0 {
		t.Errorf("stamps %+v: not all are the kernel's", s)
	}
	return r
}

// A witness hears the same answers in a socket of its own.
type witness struct {
	fd    int
	heard chan hearing
}

type hearing struct {
	id uint16
	at time.Time
}

func startWitness(t *testing.T, p *testnet.Path) *witness {
	t.Helper()
	w := &witness{heard: make(chan hearing, 1<<16)}
	var err error
	p.Host.Do(t, func() {
		w.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 2048)
		for {
			n, _, err := unix.Recvfrom(w.fd, b, 0)
			at := time.Now()
			if err != nil || n == 0 {
				return
			}
			if reply, err := wire.ParseIPv4(b[:n]); err == nil {
				w.heard <- hearing{reply.Quoted.ID, at}
			}
		}
	}()
	return w
}

// close ends the waiting goroutine too, which closing alone would not.
func (w *witness) close() {
	_ = unix.Shutdown(w.fd, unix.SHUT_RDWR)
	_ = unix.Close(w.fd)
}

// keepBusy computes and allocates until stop is called.
func keepBusy() (stop func()) {
	done := make(chan struct{})
	for range 8 {
		go func() {
			var kept [][]byte
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if kept = append(kept, make([]byte, 1<<12)); len(kept) > 256 {
					kept = nil
				}
			}
		}()
	}
	return func() { close(done) }
}

// cpuOf returns the CPU time that the process takes while f runs, in µs.
func cpuOf(f func()) float64 {
	before := processTime()
	f()
	return float64(processTime()-before) / float64(time.Microsecond)
}

func processTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(ts.Nano())
}

// cpuOfTimer returns the CPU time of what paces, per call.
func cpuOfTimer() float64 {
	var count int
	used := cpuOf(func() { count = pace(*slice, func(int) {}) })
	return used / float64(count)
}

// cpuOfProbes returns the CPU time per probe, until its answer is read. One goroutine sends
// and reads, as a scheduler does, which is for one.
func cpuOfProbes(t *testing.T, p *testnet.Path) float64 {
	n := openAtHost(t, p)
	defer n.Close()
	ticker := time.NewTicker(time.Second / probesPerSec)
	defer ticker.Stop()
	sent, answered := 0, 0
	used := cpuOf(func() {
		for end := time.Now().Add(*slice); time.Now().Before(end); {
			select {
			case <-ticker.C:
				flow := n.Flow(wire.UDP, p.Dest.V4, uint16(33434+sent%destinations), sent%4)
				if err := n.Send(network.Probe{Flow: flow, TTL: 3}); err != nil {
					t.Fatal(err)
				}
				sent++
			case a := <-n.Answers():
				if a.Reply == nil {
					t.Fatalf("no answer: %+v", a)
				}
				answered++
			}
		}
	})
	if answered < sent-probesPerSec/10 {
		t.Errorf("%d of %d probes answered", answered, sent)
	}
	return used / float64(sent)
}

// cpuOfSending returns the CPU time per packet of a socket that only sends.
func cpuOfSending(t *testing.T, p *testnet.Path) float64 {
	var fd int
	var err error
	p.Host.Do(t, func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW) })
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Addr: p.Dest.V4.As4()}
	var count int
	used := cpuOf(func() {
		count = pace(*slice, func(i int) {
			flow := wire.Flow{Protocol: wire.UDP, Source: p.Host.V4, Destination: p.Dest.V4, SourcePort: 61440, DestinationPort: uint16(33434 + i%destinations)}
			packet, err := wire.Probe{Flow: flow, TTL: 3, ID: uint16(i + 1)}.Append(nil)
			if err == nil {
				err = unix.Sendto(fd, packet, 0, to)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	})
	return used / float64(count)
}
