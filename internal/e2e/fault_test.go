//go:build e2e && linux

package e2e

import (
	"net"
	"sync"
	"testing"
	"time"
)

// overflow sends 400 datagrams a second to a socket that nobody reads, until it is
// told to end. The receive buffer is full after less than a second; what comes then is
// lost.
func overflow(t *testing.T) (end func()) {
	t.Helper()
	receiver, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { receiver.Close() })
	sender, err := net.DialUDP("udp4", nil, receiver.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sender.Close() })
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() { stopped <- send(sender, stop) }()
	end = sync.OnceFunc(func() {
		close(stop)
		if err := <-stopped; err != nil {
			t.Errorf("send datagrams: %v", err)
		}
	})
	t.Cleanup(end)
	return end
}

func send(to net.Conn, stop <-chan struct{}) error {
	ticks, payload := time.NewTicker(10*time.Millisecond), make([]byte, 1400)
	defer ticks.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ticks.C:
		}
		for range 4 {
			if _, err := to.Write(payload); err != nil {
				return err
			}
		}
	}
}
