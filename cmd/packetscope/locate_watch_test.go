package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator"
)

// fakePaths plays one snapshot after the other, each for a second, and then the last one.
type fakePaths struct {
	snapshots []*locator.Snapshot
	begin     time.Time
	// fails is after what time Run returns err; 0: it lasts until its context ends.
	fails   time.Duration
	err     error
	running bool
}

// playPaths begins at the time that it is called.
func playPaths(snapshots ...*locator.Snapshot) *fakePaths {
	return &fakePaths{snapshots: snapshots, begin: time.Now()}
}

func (f *fakePaths) Run(ctx context.Context) error {
	f.running = true
	defer func() { f.running = false }()
	if f.fails > 0 {
		time.Sleep(f.fails)
		return f.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (f *fakePaths) Snapshot() *locator.Snapshot {
	n := min(int(time.Since(f.begin)/time.Second), len(f.snapshots)-1)
	s := *f.snapshots[n]
	s.At = epoch.Add(time.Since(f.begin))
	return &s
}

// measured is a path after so many rounds.
func measured(rounds uint64) locator.Path {
	p := somePath()
	p.End.Sent = rounds
	return p
}

func discovering(p locator.Path) locator.Path {
	p.State, p.Known, p.Reached, p.End.Sent = locator.Discovering, false, false, 0
	return p
}

// watched is what came of watching paths.
type watched struct {
	stdout string
	err    error
	took   time.Duration
}

// watchFor watches what the fake plays, and interrupts after a time unless that is 0.
func watchFor(t *testing.T, w pathWatch, interrupt time.Duration, paths func() *fakePaths) (got watched) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if interrupt > 0 {
			time.AfterFunc(interrupt, cancel)
		}
		world, fake, begin := newWorld(), paths(), time.Now()
		got.err = watchPaths(ctx, world.env, fake, w)
		got.stdout, got.took = world.stdout.String(), time.Since(begin)
		if fake.running {
			t.Error("the engine goes on")
		}
	})
	return got
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestReportIsPrintedOnceAfterItsRounds(t *testing.T) {
	inUTC(t)
	got := watchFor(t, pathWatch{rounds: 3, interval: time.Second, look: time.Second, patience: 15 * time.Second}, 0, func() *fakePaths {
		return playPaths(someSnapshot(discovering(somePath())), someSnapshot(measured(1)), someSnapshot(measured(2)), someSnapshot(measured(3)), someSnapshot(measured(4)))
	})
	final := *someSnapshot(measured(3))
	final.At = epoch.Add(3 * time.Second)
	if diff := cmp.Diff(watched{reportText(&final, page{}), nil, 3 * time.Second}, got, cmp.AllowUnexported(watched{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWatchingEndsWhenItTakesTooLong(t *testing.T) {
	for claim, c := range map[string]struct {
		watch    pathWatch
		snapshot *locator.Snapshot
		want     time.Duration
	}{
		"discovery does not end":  {pathWatch{rounds: 1, interval: time.Second, look: time.Second, patience: 15 * time.Second}, someSnapshot(discovering(somePath())), 15 * time.Second},
		"there is a limit":        {pathWatch{rounds: 1, interval: time.Second, look: 100 * time.Millisecond, patience: 15 * time.Second, limit: 4500 * time.Millisecond}, someSnapshot(discovering(somePath())), 4500 * time.Millisecond},
		"rounds are left out":     {pathWatch{rounds: 11, interval: time.Second, timeout: 3 * time.Second, look: time.Second, patience: 5 * time.Second}, someSnapshot(measured(2)), 15 * time.Second},
		"there are no paths":      {pathWatch{rounds: 1, interval: time.Second, look: time.Second, patience: 5 * time.Second}, someSnapshot(), 5 * time.Second},
		"there is no such name":   {pathWatch{rounds: 9, interval: time.Second, look: time.Second, patience: 15 * time.Second}, someSnapshot(namelessPath()), time.Second},
		"the interval has grown":  {pathWatch{rounds: 6, interval: 100 * time.Millisecond, look: 100 * time.Millisecond, patience: 10 * time.Second}, someSnapshot(measured(2)), 6100 * time.Millisecond},
		"one of two is unnamed":   {pathWatch{rounds: 2, interval: time.Second, look: time.Second, patience: 15 * time.Second}, someSnapshot(namelessPath(), measured(2)), time.Second},
		"one of two has to learn": {pathWatch{rounds: 2, interval: time.Second, look: time.Second, patience: 15 * time.Second}, someSnapshot(discovering(somePath()), measured(2)), 15 * time.Second},
	} {
		if got := watchFor(t, c.watch, 0, func() *fakePaths { return playPaths(c.snapshot) }); got.took != c.want {
			t.Errorf("%s: took %v, want %v", claim, got.took, c.want)
		}
	}
}

func TestTheTerminalIsDrawnOver(t *testing.T) {
	inUTC(t)
	small := screen{terminal: true, color: true, size: func() (int, int) { return 80, 10 }}
	got := watchFor(t, pathWatch{interval: time.Second, look: time.Second, live: true, screen: small}, 2500*time.Millisecond, func() *fakePaths {
		return playPaths(someSnapshot(measured(1)))
	})
	if got.err != nil {
		t.Fatal(got.err)
	}
	frames := strings.Split(got.stdout, upperLeft)
	// There is nothing before the first one, which the screen is cleared for; the last one
	// is all of it.
	if len(frames) != 5 || frames[0] != "" || frames[1] != strings.TrimPrefix(clearScreen, upperLeft) {
		t.Fatalf("%d frames: %q", len(frames), frames)
	}
	all := strings.Count(reportText(someSnapshot(measured(1)), page{width: 80}), "\n")
	for _, frame := range frames[2:4] {
		lines := strings.Split(strings.TrimSuffix(frame, clearBelow), "\n")
		if len(lines) != 10 || lines[9] != "" || !strings.HasPrefix(lines[8], fmt.Sprintf("… %d lines more", all-8)) {
			t.Errorf("frame of %d lines: %q", len(lines), frame)
		}
	}
	final := *someSnapshot(measured(1))
	final.At = epoch.Add(2500 * time.Millisecond)
	if want := strings.TrimPrefix(clearScreen, upperLeft) + reportText(&final, page{width: 80, color: true}); frames[4] != want {
		t.Errorf("last frame (-want +got):\n%s", cmp.Diff(want, frames[4]))
	}
}

func TestSnapshotsInJSONAreLines(t *testing.T) {
	got := watchFor(t, pathWatch{rounds: 3, interval: 2 * time.Second, look: time.Second, patience: 15 * time.Second, live: true, asJSON: true}, 0, func() *fakePaths {
		return playPaths(someSnapshot(measured(1)), someSnapshot(measured(1)), someSnapshot(measured(2)), someSnapshot(measured(2)), someSnapshot(measured(2)), someSnapshot(measured(3)))
	})
	if got.err != nil {
		t.Fatal(got.err)
	}
	var sent []uint64
	for line := range bytes.Lines([]byte(got.stdout)) {
		var report locateReport
		if err := json.Unmarshal(line, &report); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		sent = append(sent, report.Paths[0].End.Sent)
	}
	if want := []uint64{1, 2, 3}; !slices.Equal(sent, want) {
		t.Errorf("rounds %v, want %v", sent, want)
	}
}

func TestWhoIsNotReachedIsTold(t *testing.T) {
	silent, blockedNowhere := unreachedPath(), somePath()
	silent.Blocked, silent.BlockedReason = locator.Hop{}.Addr, ""
	blockedNowhere.Reached, blockedNowhere.Hops = false, nil
	unsent := somePath()
	unsent.Known, unsent.Reached, unsent.Error, unsent.End.Lost, unsent.Hops = false, false, "send probe: network is unreachable", unsent.End.Sent, nil
	early := somePath()
	early.Known, early.Reached, early.Hops = false, false, nil
	earlier := discovering(somePath())
	for want, paths := range map[string][]locator.Path{
		"": {somePath(), early, earlier},
		"udp://[2001:db8::80]:33434 is not reached: 2001:db8::2:1 refuses (communication_prohibited)":                                                             {somePath(), unreachedPath()},
		"udp://[2001:db8::80]:33434 is not reached: the last that answers is 2001:db8::2:1 at TTL 2":                                                              {silent},
		"tcp://www.example.com:443 is not reached: nobody on the way answers":                                                                                     {blockedNowhere},
		"tcp://www.example.com:443 cannot be measured: send probe: network is unreachable":                                                                        {unsent},
		`icmp://nowhere.example cannot be measured: look up "nowhere.example": no such host; tcp://www.example.com:443 is not reached: nobody on the way answers`: {namelessPath(), blockedNowhere},
	} {
		got := watchFor(t, pathWatch{rounds: 1, interval: time.Second, look: time.Second, patience: 2 * time.Second}, 0, func() *fakePaths { return playPaths(someSnapshot(paths...)) })
		if errorText(got.err) != want {
			t.Errorf("error %q, want %q", errorText(got.err), want)
		}
	}
}

func TestAnInterruptShowsWhatThereIs(t *testing.T) {
	inUTC(t)
	got := watchFor(t, pathWatch{rounds: 10, interval: time.Second, look: time.Second, patience: 15 * time.Second}, 1500*time.Millisecond, func() *fakePaths {
		return playPaths(someSnapshot(measured(1)))
	})
	if got.err != nil || !strings.Contains(got.stdout, "reached in 5 hops") || got.took != 1500*time.Millisecond {
		t.Errorf("%v after %v:\n%s", got.err, got.took, got.stdout)
	}
}

func TestAnEngineThatEndsIsAnError(t *testing.T) {
	got := watchFor(t, pathWatch{interval: time.Second, look: time.Second}, 0, func() *fakePaths {
		fake := playPaths(someSnapshot(measured(1)))
		fake.fails, fake.err = 1500*time.Millisecond, errors.New("read answers: bad file descriptor")
		return fake
	})
	if want := "measure paths: read answers: bad file descriptor"; errorText(got.err) != want || got.took != 1500*time.Millisecond {
		t.Errorf("error %v after %v, want %q", got.err, got.took, want)
	}
}
