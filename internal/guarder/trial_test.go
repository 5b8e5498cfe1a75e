package guarder

import (
	"errors"
	"testing"
	"time"
)

// clock holds back what a trial wants to be called later.
type clock struct {
	due    time.Duration
	expire func()
}

func (c *clock) after(d time.Duration, f func()) *time.Timer {
	c.due, c.expire = d, f
	return time.NewTimer(time.Hour)
}

var trialBegan = time.Unix(1000, 0)

func TestUnconfirmedChangeIsUndone(t *testing.T) {
	c, undone, told := &clock{}, 0, error(nil)
	failure := errors.New("no room")
	trial := Trial{After: c.after, Undone: func(err error) { told = err }}
	trial.Begin(trialBegan, time.Minute, func() error { undone++; return failure })
	if ends, ok := trial.Ends(); !ok || !ends.Equal(trialBegan.Add(time.Minute)) || c.due != time.Minute {
		t.Errorf("ends %v, %v, after %v", ends, ok, c.due)
	}
	c.expire()
	c.expire()
	if undone != 1 || told != failure {
		t.Errorf("undone %d times, told %v", undone, told)
	}
	if err := trial.Confirm(); !errors.Is(err, ErrNoTrial) {
		t.Errorf("confirming too late: %v", err)
	}
}

func TestConfirmedChangeStays(t *testing.T) {
	c, undone := &clock{}, 0
	trial := Trial{After: c.after}
	trial.Begin(trialBegan, time.Minute, func() error { undone++; return nil })
	if err := trial.Confirm(); err != nil {
		t.Error(err)
	}
	c.expire() // the timer was under way already
	if _, ok := trial.Ends(); undone != 0 || ok {
		t.Errorf("undone %d times, on trial: %v", undone, ok)
	}
}

func TestRollbackUndoesAtOnce(t *testing.T) {
	c, undone := &clock{}, 0
	trial := Trial{After: c.after}
	if err := trial.Rollback(); !errors.Is(err, ErrNoTrial) {
		t.Errorf("nothing on trial: %v", err)
	}
	trial.Begin(trialBegan, time.Minute, func() error { undone++; return nil })
	if err := trial.Rollback(); err != nil {
		t.Error(err)
	}
	c.expire()
	if undone != 1 {
		t.Errorf("undone %d times", undone)
	}
}

func TestSecondChangeReplacesTheTrial(t *testing.T) {
	c, undone := &clock{}, ""
	trial := Trial{After: c.after}
	trial.Begin(trialBegan, time.Minute, func() error { undone += "first"; return nil })
	late := c.expire
	trial.Begin(trialBegan.Add(time.Second), time.Minute, func() error { undone += "second"; return nil })
	late()
	if undone != "" {
		t.Errorf("the timer of the first undid %q", undone)
	}
	c.expire()
	if undone != "second" {
		t.Errorf("undone %q", undone)
	}
}
