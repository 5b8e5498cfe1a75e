package box

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// Serve reads packets from a device until it is closed, and writes what the box answers,
// each at its time. Each read and each write is one packet, as of a TUN device. Packets
// that the device does not take, such as [Noise], are left out.
//
// Serve returns nil when the device is closed, and after all that it started has ended.
func Serve(device io.ReadWriter, b *Box) error {
	var busy sync.WaitGroup
	done := make(chan struct{})
	defer busy.Wait()
	defer close(done)
	buffer := make([]byte, 1<<16)
	for {
		n, err := device.Read(buffer)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		now := time.Now()
		for _, r := range b.Packet(now, buffer[:n]) {
			if r.After == 0 {
				_, _ = device.Write(r.Packet)
				continue
			}
			busy.Go(func() {
				timer := time.NewTimer(time.Until(now.Add(r.After)))
				defer timer.Stop()
				select {
				case <-timer.C:
					_, _ = device.Write(r.Packet)
				case <-done:
				}
			})
		}
	}
}
