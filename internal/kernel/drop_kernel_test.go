//go:build kernel && linux

package kernel

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dropVariable makes the test program drop its privileges instead of testing:
// they cannot be regained, so a process of its own is needed.
const dropVariable = "PACKETSCOPE_TEST_DROP_TO"

func TestMain(m *testing.M) {
	keep, drop := os.LookupEnv(dropVariable)
	if !drop {
		os.Exit(m.Run())
	}
	if err := dropAndReport(strings.Fields(keep)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// dropReport is what a process that dropped its privileges prints.
type dropReport struct {
	Kept []string
	// Status holds the distinct values of the lines of /proc/self/task/*/status
	// that have to do with privileges, over all threads.
	Status map[string][]string
}

// dropAndReport drops to keep while other threads exist, and prints the state
// of all of them.
func dropAndReport(keep []string) error {
	var ready sync.WaitGroup
	for range 8 {
		// A read that blocks in the kernel keeps a thread of its own.
		reader, _, err := os.Pipe()
		if err != nil {
			return err
		}
		ready.Add(1)
		go func() {
			ready.Done()
			// The descriptor is in blocking mode after Fd.
			file := os.NewFile(reader.Fd(), "pipe")
			file.Read(make([]byte, 1))
		}()
	}
	ready.Wait()
	kept, err := DropTo(keep)
	if err != nil {
		return err
	}
	status, err := privilegeStatus()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(dropReport{kept, status})
}

func privilegeStatus() (map[string][]string, error) {
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		return nil, err
	}
	values := map[string]map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ":")
			if strings.HasPrefix(key, "Cap") || key == "NoNewPrivs" {
				if values[key] == nil {
					values[key] = map[string]bool{}
				}
				values[key][strings.TrimSpace(value)] = true
			}
		}
	}
	status := map[string][]string{}
	for key, set := range values {
		status[key] = slices.Sorted(maps.Keys(set))
	}
	return status, nil
}

func TestDropReachesEveryThreadAndEverySet(t *testing.T) {
	const (
		none = "0000000000000000"
		// CAP_SYS_ADMIN is 21, CAP_SYSLOG 34 (include/uapi/linux/capability.h).
		two = "0000000400200000"
	)
	for _, c := range []struct {
		keep string
		want dropReport
	}{
		{"", dropReport{nil, map[string][]string{
			"CapInh": {none}, "CapPrm": {none}, "CapEff": {none}, "CapBnd": {none}, "CapAmb": {none}, "NoNewPrivs": {"1"},
		}}},
		{"CAP_SYSLOG CAP_SYS_ADMIN", dropReport{[]string{"CAP_SYSLOG", "CAP_SYS_ADMIN"}, map[string][]string{
			"CapInh": {none}, "CapPrm": {two}, "CapEff": {two}, "CapBnd": {none}, "CapAmb": {none}, "NoNewPrivs": {"1"},
		}}},
	} {
		t.Run("keep "+c.keep, func(t *testing.T) {
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), dropVariable+"="+c.keep)
			command.Stderr = os.Stderr
			output, err := command.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got dropReport
			if err := json.Unmarshal(output, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}
