//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// heading returns the beginning of the file, for measurements that began at the
// load average: what the numbers are, and where from.
func heading(t *testing.T, loadBefore string) string {
	return fmt.Sprintf(`# Benchmarks

Made by "make bench", as root. Everything is measured in rounds (%d of them, unless a section says
otherwise) in which the thing and what it is compared with take turns of %v. Numbers are medians over
the rounds with the quartiles in brackets. Nanoseconds hold for one machine in one hour; ratios carry over.

Machine: %s. Load average %s at the beginning and %s at the end.
`, *rounds, *slice, machine(t), loadBefore, loadAverage(t))
}

// machine says what the numbers depend on.
func machine(t *testing.T) string {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	// What follows the version is its builder's business.
	release, _, _ := strings.Cut(unix.ByteSliceToString(uts.Release[:]), "-")
	return fmt.Sprintf("Linux %s, %d CPUs (%s), clock source %s, %s",
		release, runtime.NumCPU(), cpuModel(t),
		firstWord(t, "/sys/devices/system/clocksource/clocksource0/current_clocksource"),
		runtime.Version())
}

// loadAverage returns that of the last minute. Above 1 others share the machine,
// or will have: the loads themselves keep one and a half CPUs busy.
func loadAverage(t *testing.T) string { return firstWord(t, "/proc/loadavg") }

// cpuModel returns the model of the first CPU, or the architecture where the
// kernel does not name it (arm64).
func cpuModel(t *testing.T) string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstWord(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	return word
}

// accounted tells whether the kernel accounts for the run time of BPF programs now, for
// whoever asked for it: that takes two more reads of the clock for each run.
func accounted(t *testing.T) bool {
	t.Helper()
	p := guardProgram(t, "bench_empty")
	if _, _, err := p.Test(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	stats, err := p.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return stats.RunCount > 0
}
