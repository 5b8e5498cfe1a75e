//go:build linux

package testnet

import (
	"os"
	"time"
)

// Hooks returns the name of the hook family that this run of the tests is to
// force, from the environment variable PACKETSCOPE_TEST_HOOKS: "auto" (also if
// unset), "tracepoint", "trampoline", "kprobe" or "net".
func Hooks() string {
	if name := os.Getenv("PACKETSCOPE_TEST_HOOKS"); name != "" {
		return name
	}
	return "auto"
}

// InVM reports whether the test runs in an emulated machine of the vm lane. Its
// kernel is a Debian one, with modules such as sch_netem, and 10 to 50 times
// slower than the host.
func InVM() bool { return os.Getenv("PACKETSCOPE_VM") == "1" }

// Margin widens a tolerance of time to what an emulated machine can keep.
func Margin(d time.Duration) time.Duration {
	if InVM() {
		return 20 * d
	}
	return d
}

// patience bounds the wait for something that always happens.
func patience() time.Duration { return Margin(5 * time.Second) }
