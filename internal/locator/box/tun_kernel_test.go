//go:build kernel && linux

package box_test

import (
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/box"
	"github.com/packetscope/packetscope/internal/testnet"
)

// The kernel takes what a box says for the answers of a host: 23 requests are 23 replies,
// and each takes as long as the path.
func TestKernelBelievesTheBox(t *testing.T) {
	s := scenarios(t)["plain"]
	const requests, path = 23, 30 * time.Millisecond
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			host, dest := s.Addresses[box.Host], s.Addresses["dest"]
			ns, device := testnet.NewTun(t, host[0], host[1])
			served := make(chan error)
			go func() { served <- box.Serve(device, box.New(s, time.Now())) }()
			start := time.Now()
			if err := testnet.Ping(ns, &testnet.Namespace{V4: dest[0], V6: dest[1]}, f, requests); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took < requests*path {
				t.Errorf("%d round trips took %v, less than %v each", requests, took, path)
			}
			if received, sent := ns.Packets(t); received != requests || sent != requests {
				t.Errorf("the device received %d packets and sent %d, want %d", received, sent, requests)
			}
			device.Close() // and with it goes the TUN device
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}
