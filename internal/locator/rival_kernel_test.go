//go:build kernel && linux

package locator

import (
	"bufio"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A trial is what another tool found at one TTL.
type trial struct {
	sent  int
	times []time.Duration // of the answers
}

// lost is the part that was not answered.
func (r trial) lost() float64 { return 1 - float64(len(r.times))/float64(r.sent) }

// trials are by TTL, from 1.
type trials map[int]trial

func (all trials) add(ttl, sent int, answered ...time.Duration) {
	r := all[ttl]
	all[ttl] = trial{r.sent + sent, append(r.times, answered...)}
}

// needRivals skips where there are no programs, which are the machines of the vm lane.
func needRivals(t *testing.T) {
	t.Helper()
	if testnet.InVM() {
		t.Skip("no mtr and no traceroute in here")
	}
	for _, tool := range []string{"mtr", "traceroute"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("find %s: %v (make deps, as root, installs it on Debian)", tool, err)
		}
	}
}

// tool runs a program in a namespace.
func tool(ns *testnet.Namespace, t *testing.T, name string, args ...string) (string, error) {
	var out []byte
	var err error
	ns.Do(t, func() { out, err = exec.Command(name, args...).CombinedOutput() })
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, out[max(0, len(out)-200):])
	}
	return string(out), nil
}

// mtr runs rounds of mtr, 20 per second. What it prints are lines of "x <TTL from 0>
// <number>" for what it sent and "p <TTL from 0> <µs> <number>" for answers. It can wait for
// so many answers only that it must not do so for as long as it does by default.
func mtr(t *testing.T, ns *testnet.Namespace, to netip.Addr, rounds int, args ...string) (trials, error) {
	args = append([]string{"--raw", "-n", "-i", "0.05", "-Z", "2", "-c", strconv.Itoa(rounds)}, args...)
	out, err := tool(ns, t, "mtr", append(args, to.String())...)
	if err != nil {
		return nil, err
	}
	all := make(trials)
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		var ttl, micros, number int
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "p %d %d %d", &ttl, &micros, &number); err == nil {
			all.add(ttl+1, 0, time.Duration(micros)*time.Microsecond)
		} else if _, err := fmt.Sscanf(line, "x %d %d", &ttl, &number); err == nil {
			all.add(ttl+1, 1)
		}
	}
	return all, nil
}

// traceroute runs traceroute with ten probes per TTL. What it prints is a line for each
// TTL, such as " 2  198.19.2.1  0.244 ms * 0.228 ms".
func traceroute(t *testing.T, ns *testnet.Namespace, to netip.Addr, args ...string) (trials, error) {
	args = append([]string{"-n", "-q", "10", "-w", "1"}, args...)
	out, err := tool(ns, t, "traceroute", append(args, to.String())...)
	if err != nil {
		return nil, err
	}
	all := make(trials)
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		ttl, err := strconv.Atoi(words[0])
		if err != nil {
			continue // the heading
		}
		for i, word := range words[1:] {
			switch word {
			case "*":
				all.add(ttl, 1)
			case "ms":
				ms, err := strconv.ParseFloat(words[i], 64)
				if err != nil {
					return nil, fmt.Errorf("read %q: %w", lines.Text(), err)
				}
				all.add(ttl, 1, time.Duration(ms*1e6))
			}
		}
	}
	return all, nil
}
