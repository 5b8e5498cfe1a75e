package reload

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reloadState is everything that can be seen of a Reloader.
type reloadState struct {
	Config int
	Status Status
}

func stateOf(r *Reloader[int]) reloadState {
	return reloadState{r.Current(), r.Status()}
}

func TestReloadKeepsTheLastGoodConfig(t *testing.T) {
	var (
		clock    = time.Unix(1_000, 0)
		file     int
		loadErr  error
		applyErr error
		applied  [][2]int
	)
	r := New(1,
		func() (int, error) { return file, loadErr },
		func(before, after int) error {
			applied = append(applied, [2]int{before, after})
			return applyErr
		},
		func() time.Time { return clock })

	errBad, errRefused := errors.New("bad file"), errors.New("refused")
	steps := []struct {
		claim              string
		next               int
		loadErr, applyErr  error
		want               reloadState
		wantErr            error
		wantAppliedSoFar   int
		secondsSinceBefore time.Duration
	}{
		{"a good file replaces the first config", 2, nil, nil,
			reloadState{2, Status{true, time.Unix(1_010, 0)}}, nil, 1, 10 * time.Second},
		{"a bad file is not applied", 3, errBad, nil,
			reloadState{2, Status{false, time.Unix(1_010, 0)}}, errBad, 1, 10 * time.Second},
		{"a refused config is not kept", 4, nil, errRefused,
			reloadState{2, Status{false, time.Unix(1_010, 0)}}, errRefused, 2, 10 * time.Second},
		{"the next good file ends the failure", 5, nil, nil,
			reloadState{5, Status{true, time.Unix(1_040, 0)}}, nil, 3, 10 * time.Second},
	}
	want := reloadState{1, Status{true, time.Unix(1_000, 0)}}
	if diff := cmp.Diff(want, stateOf(r)); diff != "" {
		t.Errorf("state before any reload (-want +got):\n%s", diff)
	}
	for _, step := range steps {
		clock = clock.Add(step.secondsSinceBefore)
		file, loadErr, applyErr = step.next, step.loadErr, step.applyErr
		if err := r.Reload(); !errors.Is(err, step.wantErr) {
			t.Errorf("%s: error %v, want %v", step.claim, err, step.wantErr)
		}
		if diff := cmp.Diff(step.want, stateOf(r)); diff != "" {
			t.Errorf("%s: state (-want +got):\n%s", step.claim, diff)
		}
		if len(applied) != step.wantAppliedSoFar {
			t.Errorf("%s: applied %v", step.claim, applied)
		}
	}
	if diff := cmp.Diff([][2]int{{1, 2}, {2, 4}, {2, 5}}, applied); diff != "" {
		t.Errorf("applied, as before and after (-want +got):\n%s", diff)
	}
}
