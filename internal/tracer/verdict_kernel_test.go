//go:build linux && kernel

package tracer

import (
	"errors"
	stdnet "net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

// sendOne sends a datagram that may be refused.
func sendOne(t *testing.T, n *testnet.Net, port uint16) error {
	var err error
	n.Left.Do(t, func() {
		var c stdnet.Conn
		if c, err = stdnet.Dial("udp", netip.AddrPortFrom(n.Right.V4, port).String()); err != nil {
			return
		}
		defer c.Close()
		if _, err = c.Write([]byte("anyone?")); errors.Is(err, syscall.EPERM) {
			err = nil
		}
	})
	return err
}

func TestVerdictsNameTheHook(t *testing.T) {
	for _, c := range []struct {
		hook   string
		passed []string
	}{
		{"output", nil},
		{"postrouting", []string{"output"}},
		{"prerouting", []string{"output", "postrouting", "prerouting", "forward"}}, // of the router
		{"forward", []string{"output", "postrouting", "prerouting"}},
		{"input", []string{"output", "postrouting", "prerouting", "forward"}},
	} {
		t.Run(c.hook, func(t *testing.T) {
			n := testnet.NewRouted(t)
			at := n.Right
			switch c.hook {
			case "output", "postrouting":
				at = n.Left
			case "forward":
				at = n.Router
			}
			if c.hook == "input" {
				at.DropUDP(t, 9)
			} else {
				at.DropUDPBefore(t, c.hook, 9)
			}
			packets := trace(t, n, "udp dst port 9", func() error { return sendOne(t, n, 9) })
			if len(packets) != 1 {
				t.Fatalf("%d packets", len(packets))
			}
			var want []Verdict
			for _, hook := range c.passed {
				want = append(want, Verdict{Place: "netfilter " + hook, Verdict: "passed"})
			}
			want = append(want, Verdict{Place: "netfilter " + c.hook, Verdict: "dropped", By: "nft_do_chain"})
			got := packets[0].Verdicts()
			if len(got) == 0 {
				t.Fatal("no verdict")
			}
			if last := &got[len(got)-1]; last.By == "nf_hook_slow" {
				last.By = "nft_do_chain" // which leaves it to the other to drop before Linux 6.8
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
				for _, e := range packets[0].Events {
					t.Log(e.Hook, e.Reason, e.Stack)
				}
			}
		})
	}
}
