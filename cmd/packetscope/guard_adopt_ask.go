package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// mayAsk tells whether somebody is there to answer.
func (a *adoption) mayAsk() bool {
	return !*a.yes && *a.what != fromStdin && a.answers != nil && a.terminal != nil && a.terminal()
}

// ask asks unless it was told not to. Without a terminal nobody is asked, and the answer
// is no.
func (a *adoption) ask(ctx context.Context, question string) (bool, error) {
	if *a.yes {
		return true, nil
	}
	if !a.mayAsk() {
		return false, errors.New("there is no terminal to ask on; --yes adopts without asking")
	}
	return a.question(ctx, question)
}

// question waits for a line that begins with y.
func (a *adoption) question(ctx context.Context, text string) (bool, error) {
	if _, err := fmt.Fprintf(a.stdout, "%s [y/N] ", text); err != nil {
		return false, err
	}
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := a.answers.ReadString('\n')
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return false, errors.New("interrupted")
	case got := <-answers:
		if got.err != nil && got.line == "" {
			fmt.Fprintln(a.stdout)
			return false, nil // the end of what is typed is no answer
		}
		return strings.HasPrefix(strings.ToLower(strings.TrimSpace(got.line)), "y"), nil
	}
}

// clock returns a time as it is written into policies.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
