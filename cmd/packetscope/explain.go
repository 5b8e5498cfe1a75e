package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/stack"
)

// explain returns err as one line that ends in a cure, if one is known.
func explain(err error, host kernel.Host) error {
	if errors.Is(err, stack.ErrNothingAttached) {
		return explainAttach(err, host)
	}
	return err
}

// explainAttach returns what keeps the probes from being attached, rather than
// the causes that err has for each of them, which all come down to the same.
func explainAttach(err error, host kernel.Host) error {
	if obstacle := host.Obstacle(); obstacle != nil {
		return fmt.Errorf("attach probes: %w", obstacle)
	}
	return errors.New(oneLine(err))
}

// oneLine joins the lines of an error, such as those of errors.Join.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}
