//go:build kernel && linux

package locator

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/locator/box"
)

// roleVariable says what a process is to do instead of the tests.
const roleVariable = "PACKETSCOPE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "delay":
		delay(os.NewFile(3, "tun"))
	case "burn":
		// Whoever waits for this process closes its input; no test takes as long.
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
		for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		}
	default:
		os.Exit(m.Run())
	}
}

// child starts a process with a role, which ends with the test or by stop.
func child(t *testing.T, role string, files ...*os.File) (stop func()) {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env, c.Stderr, c.ExtraFiles = append(os.Environ(), roleVariable+"="+role), os.Stderr, files
	input, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = input.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// delayed is a path whose times are known: 20 ms to the router and back, and 30 ms to the
// destination.
func delayed() *box.Scenario {
	return &box.Scenario{
		Addresses: pairs("host", "192.0.2.1", "2001:db8::1", "r1", "198.51.100.1", "2001:db8:1::1", "dest", "203.0.113.9", "2001:db8:9::9"),
		Hops: []box.Hop{
			{Routers: []string{"r1"}, Delay: 10 * time.Millisecond},
			{Routers: []string{"dest"}, Delay: 5 * time.Millisecond},
		},
	}
}

// delay answers as that path would. It is on time as far as the kernel lets it: before all
// others, in a thread for each answer that sleeps until a timer of the kernel wakes it.
// Those of the runtime are up to a millisecond late.
func delay(device *os.File) {
	if err := realTime(); err != nil {
		fmt.Fprintf(os.Stderr, "the path is not always on time: %v\n", err)
	}
	b, buffer := box.New(delayed(), time.Now()), make([]byte, 1<<16)
	for {
		n, err := device.Read(buffer)
		if err != nil {
			return
		}
		now := time.Now()
		for _, r := range b.Packet(now, buffer[:n]) {
			go func() {
				for left := r.After - time.Since(now); left > 0; left = r.After - time.Since(now) {
					until := unix.NsecToTimespec(left.Nanoseconds())
					_ = unix.Nanosleep(&until, nil)
				}
				_, _ = device.Write(r.Packet)
			}()
		}
	}
}

// realTime gives the threads of this process, and those that they make, the CPU before all
// that are not of real time.
func realTime() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		first := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
		if err := unix.SchedSetAttr(id, &first, 0); err != nil {
			return fmt.Errorf("set real time of thread %d: %w", id, err)
		}
	}
	return nil
}
