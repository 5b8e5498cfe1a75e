//go:build linux && kernel

package pathmap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// dropVariable makes the test program sample without privileges instead of testing: they cannot
// be regained, so a process of its own is needed.
const dropVariable = "PACKETSCOPE_TEST_PATHMAP_DROP"

func TestMain(m *testing.M) {
	if _, drop := os.LookupEnv(dropVariable); !drop {
		os.Exit(m.Run())
	}
	if err := sampleDropped(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// sampleDropped drops what a sampler does not go on using, and prints its map some turns later.
func sampleDropped() error {
	s, err := Open(Config{Every: 500 * time.Millisecond, Chance: 1, OwnNamespaceOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := kernel.DropTo(s.NeedsAfterAttach()); err != nil {
		return err
	}
	before, err := s.Snapshot()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "dropped")
	for {
		time.Sleep(50 * time.Millisecond)
		now, err := s.Snapshot()
		if err != nil {
			return err
		}
		if now.Counts.Turns >= before.Counts.Turns+4 { // the first one was begun before
			return json.NewEncoder(os.Stdout).Encode(NewDocument(now.Graph))
		}
	}
}

func TestPrivilegesThatAreKeptSuffice(t *testing.T) {
	n := testnet.New(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program)
	command.Env = append(os.Environ(), dropVariable+"=1")
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	n.Left.Do(t, func() { err = command.Start() })
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for err = nil; ; time.Sleep(20 * time.Millisecond) {
		select {
		case err = <-ended:
		default:
			if err := testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 1, 64); err != nil {
				t.Error(err)
			}
			continue
		}
		break
	}
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	d, err := ReadDocument(&out)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(d.Nodes, func(n NodeDocument) bool { return n.Function == "udp_sendmsg" }) || d.Packets[ProtocolUDP] < 10 {
		t.Errorf("%v packets, functions %+v", d.Packets, d.Nodes)
	}
}

// TestSamplingGoesOnAfterATurnThatFailed leaves no file descriptors for one.
func TestSamplingGoesOnAfterATurnThatFailed(t *testing.T) {
	s, err := Open(Config{Every: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	limit := func(to unix.Rlimit) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &to); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(failed bool) {
		for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); ; time.Sleep(20 * time.Millisecond) {
			switch _, err := s.Snapshot(); {
			case (err != nil) == failed:
				return
			case time.Now().After(deadline):
				limit(was)
				t.Fatalf("the last turn failed: %v, error %v", !failed, err)
			}
		}
	}
	limit(unix.Rlimit{Cur: 3, Max: was.Max})
	wait(true)
	limit(was)
	wait(false)
}
