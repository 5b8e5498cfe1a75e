//go:build kernel && linux

package network_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// routersOnly is a path of which a TTL of 1 does not reach the destination, so that nobody
// sends a SYN-ACK.
const routersOnly = `
version: 1
addresses:
  host: [192.0.2.1, "2001:db8::1"]
  r1: [198.51.100.1, "2001:db8:1::1"]
  dest: [203.0.113.9, "2001:db8:9::9"]
hops:
  - {router: r1}
  - {router: dest}
probes:
  - {ttl: 1}
expect:
  all: ["1: r1 time_exceeded"]
`

// A SYN ends the attempt before it of the same flow, whose answer may just have come: the
// descriptor of the one becomes that of the other.
func TestNoSYNACKIsHeardThatNobodySent(t *testing.T) {
	s, err := box.Parse("routers only", []byte(routersOnly))
	if err != nil {
		t.Fatal(err)
	}
	host := s.Addresses[box.Host]
	ns, device := testnet.NewTun(t, host[0], host[1])
	served := make(chan error, 1)
	go func() { served <- box.Serve(device, box.New(s, time.Now())) }()
	for _, f := range testnet.Families {
		run := box.Run{Protocol: wire.TCP, V6: f == testnet.IPv6}
		var jobs []job
		const flows, times = 2, 300
		for i := range flows * times {
			jobs = append(jobs, job{Protocol: wire.TCP, Dest: s.Destination(run), Port: 443, Number: i % flows, TTL: 1, Hasty: true})
		}
		r := asNobody(t, ns, jobs)
		if r.Error != "" {
			t.Fatal(r.Error)
		}
		got := map[string]int{}
		for _, hop := range r.Hops {
			got[hop]++
		}
		delete(got, "nobody") // was given up for the next
		router := s.Address("r1", run).String() + ": time_exceeded"
		if got[router] < flows {
			t.Errorf("%s: %d answers of the router, want at least the last of %d flows", f, got[router], flows)
		}
		delete(got, router)
		if d := cmp.Diff(map[string]int{}, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", f, d)
		}
	}
	device.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
