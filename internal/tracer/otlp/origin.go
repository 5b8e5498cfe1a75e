package otlp

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/tracer"
)

// An Origin is what times and identities of packets are relative to.
type Origin struct {
	// Boot tells this boot of the host from all others.
	Boot string
	// Zero is the wall clock at zero of CLOCK_MONOTONIC.
	Zero time.Time
}

// readBoot returns the kernel's random id of this boot.
func readBoot() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("tell this boot from others: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// zero reads both clocks. The wall clock is read between two readings of the other, so it is
// off by half of what lies between them: less than a microsecond, unless this thread had to
// wait. It may be set at any time, so what is long ago has the time that it would have today.
func zero() time.Time {
	before := monotonic()
	now := time.Now()
	after := monotonic()
	return now.Round(0).Add(-before - (after-before)/2)
}

func monotonic() time.Duration {
	var now unix.Timespec
	// It fails for no clock that exists.
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return time.Duration(now.Nano())
}

// at returns a time of CLOCK_MONOTONIC in ns since the Unix epoch.
func (o Origin) at(t time.Duration) uint64 { return uint64(o.Zero.Add(t).UnixNano()) }

// TraceID returns the 16 bytes by which a packet's trace is known. The address of its buffer
// cannot be told from them.
func (o Origin) TraceID(p tracer.Identity) []byte {
	text := binary.BigEndian.AppendUint64([]byte("packetscope packet "+o.Boot+" "), p.Head)
	return digest(binary.BigEndian.AppendUint64(text, p.First), 16)
}

// spanID returns the 8 bytes by which the nth span of a trace is known. A packet that was given
// away and came again has more than one part: that which is told first is 0.
func spanID(trace []byte, part uint64, n int) []byte {
	text := append([]byte("packetscope span "), trace...)
	text = binary.BigEndian.AppendUint64(text, part)
	return digest(binary.BigEndian.AppendUint32(text, uint32(n)), 8)
}

// digest returns the first bytes of a hash. All zero would be no id, but has a chance of 2^-64.
func digest(text []byte, size int) []byte {
	sum := sha256.Sum256(text)
	return sum[:size:size]
}
