//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPlanIsBounded keeps the demo from becoming a load.
func TestPlanIsBounded(t *testing.T) {
	if got := packetsPerSecond(plan); got < 100 || got > 1_000 {
		t.Errorf("at most %d packets per second, want no more than the 1,000 that the documentation says", got)
	}
	if got := bytesPerSecond(plan); got > 1_000_000 {
		t.Errorf("at most %d bytes per second, want no more than the 1,000,000 that the documentation says", got)
	}
	for _, task := range plan {
		if task.every > 0 && (task.packets == 0 || task.bytes == 0) {
			t.Errorf("task %q has no bound", task.name)
		}
		if task.every == 0 && task.packets+task.bytes != 0 {
			t.Errorf("task %q runs once and has a rate", task.name)
		}
		if task.run == nil || task.says == "" || strings.ContainsAny(task.name, " _.") {
			t.Errorf("task %q is not whole", task.name)
		}
	}
}

func TestPlanStartsSpread(t *testing.T) {
	firsts := map[time.Duration]string{}
	names := map[string]bool{}
	for _, task := range plan {
		if names[task.name] {
			t.Errorf("two tasks are called %q", task.name)
		}
		names[task.name] = true
		if task.first > 5*time.Second {
			t.Errorf("task %q begins after %v; who looks for the first time should not wait", task.name, task.first)
		}
		if other := firsts[task.first]; other != "" && task.every > 0 {
			t.Errorf("tasks %q and %q begin together", task.name, other)
		}
		if task.every > 0 {
			firsts[task.first] = task.name
		}
	}
}

func TestNextLeavesOutWhatIsLate(t *testing.T) {
	again := task{first: time.Second, every: 10 * time.Second}
	once := task{first: time.Second}
	for _, c := range []struct {
		name    string
		task    task
		last    int
		elapsed time.Duration
		n       int
		due     time.Duration
		ok      bool
	}{
		{"the first", again, -1, time.Millisecond, 0, time.Second, true},
		{"the first, late", again, -1, 2 * time.Second, 0, time.Second, true},
		{"after a short run", again, 0, time.Second, 1, 11 * time.Second, true},
		{"after a run that was exactly too long", again, 0, 11 * time.Second, 1, 11 * time.Second, true},
		{"after a run of 25 seconds", again, 0, 26 * time.Second, 3, 31 * time.Second, true},
		{"once, before", once, -1, time.Millisecond, 0, time.Second, true},
		{"once, after", once, 0, 2 * time.Second, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n, due, ok := c.task.next(c.last, c.elapsed); n != c.n || due != c.due || ok != c.ok {
				t.Errorf("next(%d, %v) = %d, %v, %v; want %d, %v, %v", c.last, c.elapsed, n, due, ok, c.n, c.due, c.ok)
			}
		})
	}
}

// TestFaultsAreSwitchedOffByFlag goes through the command line.
func TestFaultsAreSwitchedOffByFlag(t *testing.T) {
	off, on := false, true
	flags := map[string]*bool{"loss": &off, "reset": &on}
	left := wanted(plan, flags)
	if len(left) != len(plan)-1 || slices.ContainsFunc(left, func(t task) bool { return t.name == "loss" }) {
		t.Errorf("%d of %d tasks are left, or loss is among them", len(left), len(plan))
	}
	err := run(context.Background(), []string{"client", "--no-fault.lass", "--server=192.0.2.1"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "no-fault.lass") {
		t.Errorf("an unknown fault gives %v, want an error that names it", err)
	}
	var help bytes.Buffer
	if err := printPlan(&help, plan); err != nil {
		t.Fatal(err)
	}
	for _, task := range plan {
		if !strings.Contains(help.String(), "\n"+task.name+" ") {
			t.Errorf("the plan does not list %q", task.name)
		}
	}
}
