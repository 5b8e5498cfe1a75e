//go:build linux && kernel

package tracer

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestThousandFunctionsAreTraced attaches to so many, without which the test of functions
// that the kernel's stacks show would prove little of a map of all, and says how long that takes.
func TestThousandFunctionsAreTraced(t *testing.T) {
	if missing := haveProbes(); missing != nil {
		t.Skip(missing) // a program for each of so many would take minutes
	}
	all, err := Functions()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"ip_output", "ip_rcv", "__netif_receive_skb_core"}
	for _, f := range all {
		if f.Reason == nil && len(names) < 1000 {
			names = append(names, regexp.QuoteMeta(f.Name))
		}
	}
	net, m := testnet.New(t), byProbes
	var took time.Duration
	var ends time.Time
	n := 0
	t.Run("datagram", func(t *testing.T) {
		begin := time.Now()
		s := openWith(t, net, "udp", Config{Functions: regexp.MustCompile("^(" + strings.Join(names, "|") + ")$"), attach: &m})
		took, n = time.Since(begin), len(s.functions)
		t.Cleanup(func() { ends = time.Now() }) // before it is closed
		if n < 900 {
			t.Fatalf("%d functions are traced, of 1000 that can be", n)
		}
		if err := testnet.SendUDP(net.Left, net.Right, testnet.IPv4, 1, 64); err != nil {
			t.Fatal(err)
		}
		packets := packetsOf(t, s)
		if len(packets) != 1 {
			t.Fatalf("%d packets, one was sent", len(packets))
		}
		if fate, e := packets[0].Fate(); fate != Delivered {
			t.Errorf("the packet is %s in %s", fate, e.Function())
		}
	})
	t.Logf("%d functions: opened in %v, closed in %v", n, took, time.Since(ends))
}
