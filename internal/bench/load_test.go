//go:build bench

package bench

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A load makes traffic between the namespaces for a while.
type load func(t *testing.T, n *testnet.Net, d time.Duration) work

// work is what a load got done.
type work struct {
	// calls is how many datagrams were sent, or how often a byte went there and back,
	// in the time wall.
	calls int
	wall  time.Duration
	// perCall is how long the sending thread had a CPU for one call, in ns: the
	// median over small batches, since those that were interrupted by other work
	// tell nothing of this. The softirqs that ran on top of the thread's system calls
	// are part of it, unless the kernel accounts for them apart
	// (CONFIG_IRQ_TIME_ACCOUNTING).
	perCall float64
}

// perCPU returns calls per second that the thread had a CPU for itself.
func (w work) perCPU() float64 { return 1e9 / w.perCall }

func (w work) perSecond() float64 { return float64(w.calls) / w.wall.Seconds() }

// batch is how many calls are timed together, so that reading the time takes
// little beside them.
const batch = 64

// repeat calls f for d on a thread that stays on one CPU.
func repeat(d time.Duration, f func() error) (w work, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		stayOn(0)
		var perCall []float64
		begin, used := time.Now(), threadTime()
		for time.Since(begin) < d && err == nil {
			for i := 0; i < batch && err == nil; i++ {
				err = f()
			}
			now := threadTime()
			perCall = append(perCall, float64(now-used)/batch)
			used = now
		}
		w = work{calls: batch * len(perCall), wall: time.Since(begin), perCall: spreadOf(perCall).median}
	}()
	<-done
	return w, err
}

// inBackground calls f on another CPU, over and over until stop is called.
func inBackground(f func()) (stop func()) {
	var stopped atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		stayOn(1)
		for !stopped.Load() {
			f()
		}
	}()
	return func() { stopped.Store(true); <-done }
}

// stayOn ties the calling goroutine to its thread, which ends with it, and the
// thread to a CPU: where the scheduler puts the two ends of a load decides more
// about its rate than what is measured. On one CPU there is nothing to decide.
func stayOn(cpu int) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	_ = unix.SchedSetaffinity(0, &set)
}

// threadTime returns the CPU time of the calling thread.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(ts.Nano())
}
