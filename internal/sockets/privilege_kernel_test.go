//go:build kernel && linux

package sockets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// dropVariable makes the test program count sockets without privileges instead of
// testing: they cannot be regained, so a process of its own is needed. Its value is
// the way, and whether to keep what the engine needs.
const dropVariable = "PACKETSCOPE_TEST_SOCKETS_DROP"

func TestMain(m *testing.M) {
	order, drop := os.LookupEnv(dropVariable)
	if !drop {
		os.Exit(m.Run())
	}
	if err := countDropped(order); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// countDropped opens an engine, drops privileges and prints what is left to see.
func countDropped(order string) error {
	var way Way
	var needs bool
	if _, err := fmt.Sscanf(order, "%d %t", &way, &needs); err != nil {
		return err
	}
	e, err := Open(Config{Way: way}, quiet)
	if err != nil {
		return err
	}
	defer e.Close()
	var keep []string
	if needs {
		keep = e.NeedsAfterAttach()
	}
	if _, err := kernel.DropTo(keep); err != nil {
		return err
	}
	l, err := e.List()
	if err != nil {
		return err
	}
	seen := sight{All: l.NamespacesUncovered == 0, Sockets: make(map[uint64]int)}
	for _, s := range l.Sockets {
		seen.Sockets[s.Namespace]++
	}
	return json.NewEncoder(os.Stdout).Encode(seen)
}

// A sight is how many sockets of each namespace are seen, and whether those are all
// namespaces that were found.
type sight struct {
	All     bool
	Sockets map[uint64]int
}

func TestPrivilegesThatAreKeptSuffice(t *testing.T) {
	p := populate(t)
	p.net.Right.Pin(t)
	left, right := inodeOf(t, p.net.Left), inodeOf(t, p.net.Right)
	for _, way := range ways {
		for _, needs := range []bool{true, false} {
			want := sight{needs, map[uint64]int{left: wantLeft().sum()}}
			if needs {
				want.Sockets[right] = wantRight().sum()
			}
			got := runDropped(t, p.net.Left, fmt.Sprintf("%d %t", way, needs))
			for ns := range got.Sockets { // the others are of the machine
				if ns != left && ns != right {
					delete(got.Sockets, ns)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v, needs kept: %v (-want +got):\n%s", way, needs, diff)
			}
		}
	}
}

func (t tableau) sum() (n int) {
	for _, sockets := range t {
		n += int(sockets)
	}
	return n
}

// runDropped runs countDropped in a namespace, as a process of its own.
func runDropped(t *testing.T, ns *testnet.Namespace, order string) (got sight) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), dropVariable+"="+order)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	var out []byte
	ns.Do(t, func() { out, err = command.Output() })
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}
