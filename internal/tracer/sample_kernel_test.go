//go:build linux && kernel

package tracer

import (
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestSampleIsBounded sends more than is to be chosen, and looks when what was chosen began.
func TestSampleIsBounded(t *testing.T) {
	net := testnet.New(t)
	pair, err := testnet.NewUDPPair(net.Left, net.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer pair.Close()
	every := max(50*time.Millisecond, testnet.Margin(20*time.Millisecond))
	// Those of others would come for ever.
	s := openWith(t, net, "udp", Config{Every: every})
	sent := 0
	for end := time.Now().Add(10 * every); time.Now().Before(end); sent++ {
		if _, err := pair.Sender.Write([]byte("one of many")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Microsecond)
	}
	var p Packets
	for _, e := range drain(t, s) {
		p.Add(e)
	}
	if n := len(p.List()); n < 5 || n > 12 || sent < 10*n {
		t.Errorf("%d packets of %d were chosen in %v, one each %v", n, sent, 10*every, every)
	}
	var last uint64
	for _, packet := range p.List() {
		switch first := packet.Events[0]; {
		case first.Hook != "napi_gro_receive_entry" && first.Hook != "netif_rx" && first.Hook != "net_dev_queue":
			t.Errorf("packet %d begins at %s", packet.Number, first.Hook)
		case packet.Identity.First-last < uint64(every):
			t.Errorf("packet %d was chosen %v after another", packet.Number, time.Duration(packet.Identity.First-last))
		}
		last = packet.Identity.First
	}
}
