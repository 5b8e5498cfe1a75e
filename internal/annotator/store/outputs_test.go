//go:build unix

package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOutputsStayWhenTheWorkIsDone(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	add(t, s, firing("other", 0, "a"))
	id := add(t, s, ended(firing("g", 1, "a"), "a")).Episode
	want := map[Step][]byte{}
	for _, step := range []Step{Gathered, Explained, Resolved} {
		j := must[Job](t)(s.Next(t.Context()))
		if j.Episode.ID != id || j.Do != step {
			t.Fatalf("step %s of %s, want %s of %s", j.Do, j.Episode.ID, step, id)
		}
		want[step] = []byte("output of " + step.String())
		if err := s.Done(j, Result{Output: want[step]}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, must[map[Step][]byte](t)(reopen(t, s).Outputs(id))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDrawersAreApart(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{Clock: h.clock()})
	drawers := func() map[string]Drawer {
		return map[string]Drawer{"cache": s.Cache(), "caps": s.Caps(), "proposals": s.Proposals(), "feedback": s.Feedback()}
	}
	for name, d := range drawers() {
		if err := d.Put("key", []byte(name), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s)
	for name, d := range drawers() {
		if diff := cmp.Diff(map[string][]byte{"key": []byte(name)}, must[map[string][]byte](t)(d.All())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
