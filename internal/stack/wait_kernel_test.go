//go:build kernel && linux

package stack

import (
	"net"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// wantWaits claims that a histogram holds count durations, none shorter than least
// and none longer than most.
func wantWaits(t *testing.T, what string, h Histogram, count uint64, least, most time.Duration) {
	t.Helper()
	if got := h.Count(); got != count {
		t.Errorf("%s: %d durations, want %d", what, got, count)
	}
	if sum, want := h.SumSeconds, float64(count)*least.Seconds(); sum < want {
		t.Errorf("%s: sum is %v s, want at least %v s", what, sum, want)
	}
	if sum, want := h.SumSeconds, float64(count)*most.Seconds(); sum > want {
		t.Errorf("%s: sum is %v s, want at most %v s", what, sum, want)
	}
	for i, n := range h.Buckets {
		if n == 0 {
			continue
		}
		if UpperBound(i) < least.Seconds() {
			t.Errorf("%s: %d durations up to %v s, want none below %v", what, n, UpperBound(i), least)
		}
		if i > 0 && UpperBound(i-1) > most.Seconds() {
			t.Errorf("%s: %d durations above %v s, want none above %v", what, n, UpperBound(i-1), most)
		}
	}
}

func TestDurationsAreThoseOfTheLoad(t *testing.T) {
	n, e := shared(t)
	t.Run("slow reader", func(t *testing.T) { checkSlowReader(t, n, e) })
	t.Run("shaped device", func(t *testing.T) { checkShapedDevice(t, n, e) })
	t.Run("concurrent flows", func(t *testing.T) { checkConcurrentFlows(t, n, e) })
}

func checkSlowReader(t *testing.T, n *testnet.Net, e *lab) {
	const count, pause = 7, 50 * time.Millisecond
	for _, f := range testnet.Families {
		pairs := map[Kind]func(t *testing.T) (sender, receiver net.Conn){
			kindOf(f, UDP4, UDP6): func(t *testing.T) (net.Conn, net.Conn) {
				p, err := testnet.NewUDPPair(n.Right, n.Left, f)
				must(t, err)
				t.Cleanup(p.Close)
				return p.Sender, p.Receiver
			},
			kindOf(f, TCP4, TCP6): func(t *testing.T) (net.Conn, net.Conn) {
				p, err := testnet.NewTCPPair(n.Right, n.Left, f)
				must(t, err)
				t.Cleanup(p.Close)
				return p.Client, p.Server
			},
		}
		for kind, pair := range pairs {
			t.Run(kind.Family()+" "+kind.Protocol(), func(t *testing.T) {
				sender, receiver := pair(t)
				start := time.Now()
				got := e.count(t, func() {
					for range count {
						_, err := sender.Write([]byte("tick"))
						must(t, err)
						time.Sleep(pause) // is the load
						_, err = receiver.Read(make([]byte, 100))
						must(t, err)
					}
				})
				wantWaits(t, "read wait", got.reads[reader{kind, ""}], count, pause, time.Since(start))
				if len(got.reads) != 1 {
					t.Errorf("read waits of other kinds: %v", got.reads)
				}
			})
		}
	}
}

func checkShapedDevice(t *testing.T, n *testnet.Net, e *lab) {
	// 11 packets of 1,042 bytes with their Ethernet header at 25,000 bytes per
	// second. The burst lets the first ones through, the others leave 42 ms apart.
	// Were they all sent at once, they would wait 42 ms times 1 + 2 + 3 ..., less
	// what is left of the burst for each.
	const rate, count, payload = 25_000, 11, 1000
	const frame = payload + udpHeader + ipv4Header + 14
	shapers := map[string]struct {
		shape func(testing.TB)
		waits float64 // 1 + 2 + 3 ...
	}{
		"tbf": {func(t testing.TB) { n.Left.ShapeTBF(t, rate, 1<<20) }, 55},
		// Sends on until it is in debt, so it lets one frame more through.
		"htb": {func(t testing.TB) { n.Left.ShapeHTB(t, rate) }, 45},
	}
	for name, shaper := range shapers {
		t.Run(name, func(t *testing.T) {
			shaper.shape(t)
			defer n.Left.Unshape(t)
			var sending, wall time.Duration
			got := e.countWitnessed(t, func() {
				start := time.Now()
				sending = burst(t, n, count, payload)
				wall = time.Since(start)
			})
			least := (shaper.waits*frame-10*(1514-frame))/rate - count*sending.Seconds()
			for what, h := range map[string]Histogram{
				"qdisc wait":      got.queues[n.Left.Device],
				"qdisc to driver": got.stages[way{Span{Transmit, Qdisc, Driver}, UDP4, Virtual, ""}],
			} {
				wantWaits(t, what, h, count, 0, wall)
				if h.SumSeconds < 0.9*least {
					t.Errorf("%s: sum is %v s, want at least %v s", what, h.SumSeconds, least)
				}
			}
			if len(got.queues) != 1 {
				t.Errorf("qdisc waits of other devices: %v", got.queues)
			}
			got.wantUnmatched(t, nil)
			got.wantBalance(t)
		})
	}
}

// burst sends datagrams from left to right without waiting, then reads them all. It
// returns how long it took to send them.
func burst(t *testing.T, n *testnet.Net, count, size int) (sending time.Duration) {
	t.Helper()
	p, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
	must(t, err)
	defer p.Close()
	buffer := make([]byte, size)
	start := time.Now()
	for range count {
		_, err := p.Sender.Write(buffer)
		must(t, err)
	}
	sending = time.Since(start)
	for range count {
		_, err := p.Receiver.Read(buffer)
		must(t, err)
	}
	return sending
}

func TestDelayOfTheSenderIsSeenWhereItBelongs(t *testing.T) {
	const count, delay = 13, 50 * time.Millisecond
	n, left := shared(t)
	n.Left.Delay(t, delay)
	defer n.Left.Unshape(t)
	right := open(t, n.Right, Config{})
	start := time.Now()
	var there tally
	here := left.count(t, func() {
		there = right.count(t, func() { burst(t, n, count, 10) })
	})
	wall := time.Since(start)
	queue := way{Span{Transmit, Qdisc, Driver}, UDP4, Virtual, ""}
	wantWaits(t, "qdisc wait", here.queues[n.Left.Device], count, delay, wall)
	wantWaits(t, "qdisc to driver", here.stages[queue], count, delay, wall)
	wantWaits(t, "transport to driver", here.stages[way{Span{Transmit, Transport, Driver}, UDP4, Virtual, ""}], count, delay, wall)
	for w, h := range here.stages {
		if w.To != Driver {
			wantUndelayed(t, w, h, delay)
		}
	}
	if len(there.stages) == 0 {
		t.Error("nothing was received")
	}
	for w, h := range there.stages {
		wantUndelayed(t, w, h, delay)
	}
}

// wantUndelayed compares the mean, because a single packet of a busy machine may wait
// for the processor.
func wantUndelayed(t *testing.T, w way, h Histogram, delay time.Duration) {
	t.Helper()
	if mean := h.SumSeconds / float64(h.Count()); mean > delay.Seconds()/2 {
		t.Errorf("%v: %v s on the mean, so the delay of %v shows there", w, mean, delay)
	}
}
