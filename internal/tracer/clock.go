//go:build linux

package tracer

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now returns the time of the events' clock.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // all kernels have it
	}
	return time.Duration(t.Nano())
}
