//go:build bench

package bench

import (
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// discover looks for one long path again and again, each time by an engine that knows
// nothing, and returns how long each took.
func discover(t *testing.T) (took []time.Duration) {
	widths := make([]int, longPath-1)
	for i := range widths {
		widths[i] = 1
	}
	p := testnet.NewPath(t, testnet.PathConfig{Widths: widths, Limited: true})
	cfg := locator.Config{Destinations: []locator.Destination{{Host: p.Dest.V4.String(), Protocol: wire.UDP}}}
	for range discoveries {
		took = append(took, discoverOnce(t, p, cfg))
		time.Sleep(3 * time.Second) // for who was asked to have a burst again
	}
	return took
}

func discoverOnce(t *testing.T, p *testnet.Path, cfg locator.Config) time.Duration {
	n := openAtHost(t, p)
	defer n.Close()
	tap := newTap(n)
	_, stop := startEngine(t, cfg, tap)
	defer stop()
	select {
	case took := <-tap.known:
		return took
	case <-time.After(time.Minute):
		t.Fatalf("%d hops are not known after a minute", longPath)
		return 0
	}
}

// A tap looks at the answers on their way to the engine.
type tap struct {
	*network.Network
	answers chan network.Answer
	// known is told, once, how long after the first probe all hops have answered.
	known chan time.Duration
}

func newTap(n *network.Network) *tap {
	tp := &tap{n, make(chan network.Answer), make(chan time.Duration, 1)}
	go tp.run()
	return tp
}

// Answers implements locator.Network.
func (tp *tap) Answers() <-chan network.Answer { return tp.answers }

func (tp *tap) run() {
	var first time.Time
	seen := make(map[uint8]bool)
	// Until the Network is closed: nobody takes answers any more then.
	for a := range tp.Network.Answers() {
		if first.IsZero() || a.Sent.Before(first) {
			first = a.Sent
		}
		if a.Reply != nil && a.TTL <= longPath && !seen[a.TTL] {
			if seen[a.TTL] = true; len(seen) == longPath {
				tp.known <- time.Since(first)
			}
		}
		select {
		case tp.answers <- a:
		case <-time.After(time.Second): // the engine has ended
		}
	}
}
