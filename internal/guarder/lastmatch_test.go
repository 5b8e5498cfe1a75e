package guarder

import (
	"testing"
	"time"
)

func TestLastMatchIsWhenCountersWereSeenToRise(t *testing.T) {
	var m lastMatches
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	for _, step := range []struct {
		claim   string
		second  int64
		packets uint64
		want    int64 // 0 for never
	}{
		{"what an agent before has counted says nothing", 10, 5, 0},
		{"nothing came", 20, 5, 0},
		{"one came", 30, 6, 30},
		{"it is remembered", 40, 6, 30},
		{"more came", 50, 9, 50},
		{"the slot was given to another rule", 60, 0, 0},
		{"which matches", 70, 1, 70},
	} {
		got := m.see(at(step.second), 3, [4]Counts{1: {Packets: step.packets}})
		if step.want == 0 != (got == nil) || got != nil && !got.Equal(at(step.want)) {
			t.Errorf("%s: %v, want %d", step.claim, got, step.want)
		}
	}
	if got := m.see(at(80), 4, [4]Counts{}); got != nil {
		t.Errorf("another rule: %v", got)
	}
}
