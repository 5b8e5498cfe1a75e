package ban

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// SystemClock returns the clock of this host.
func SystemClock() (Clock, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Clock{}, fmt.Errorf("tell this boot from others: %w", err)
	}
	boot := func() time.Duration {
		var now unix.Timespec
		// It fails for no clock that exists.
		unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
		return time.Duration(now.Nano())
	}
	return Clock{Wall: time.Now, Boot: boot, BootID: strings.TrimSpace(string(id))}, nil
}
