package box_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
)

func TestLinesWithoutTimesAreOne(t *testing.T) {
	lines := []string{
		"1: r1 time_exceeded in 4ms",
		"3x 2: r2 time_exceeded mpls=3/0/1 in 10ms",
		"2: r2 time_exceeded mpls=3/0/1 in 8ms",
		"2x 2: nobody",
		"2: nobody",
		"10: dest reset in 1s",
		"2: 8 flows, 2 routers, 1 of a flow",
	}
	want := []string{
		"1: r1 time_exceeded",
		"2: 8 flows, 2 routers, 1 of a flow",
		"3x 2: nobody",
		"4x 2: r2 time_exceeded mpls=3/0/1",
		"10: dest reset",
	}
	if diff := cmp.Diff(want, box.Untimed(lines)); diff != "" {
		t.Errorf("untimed (-want +got):\n%s", diff)
	}
	times := map[string]time.Duration{
		"1: r1 time_exceeded":            4 * time.Millisecond,
		"2: r2 time_exceeded mpls=3/0/1": 8 * time.Millisecond,
		"10: dest reset":                 time.Second,
	}
	if diff := cmp.Diff(times, box.Times(lines)); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}
