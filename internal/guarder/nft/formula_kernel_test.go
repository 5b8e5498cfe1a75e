//go:build kernel && linux

package nft

import (
	"errors"
	"slices"

	"github.com/google/nftables/expr"
)

// A formula is a condition in the terms of nftables, before it is spread over rules:
// an atom, and, or.
type formula interface{ isFormula() }

type (
	// An atom loads a field and compares it. yes matches if it is true, no if it is
	// false; on a packet without the field neither does.
	atom struct{ yes, no []expr.Any }
	and  []formula
	or   []formula
)

func (atom) isFormula() {}
func (and) isFormula()  {}
func (or) isFormula()   {}

// not moves the negation down to the atoms. An atom about a field that not every packet
// has must stand in an "and" with the atom that says that it is there: the negation
// is then true through that one.
func not(f formula) formula {
	switch f := f.(type) {
	case atom:
		return atom{f.no, f.yes}
	case and:
		out := make(or, len(f))
		for i, part := range f {
			out[i] = not(part)
		}
		return out
	case or:
		out := make(and, len(f))
		for i, part := range f {
			out[i] = not(part)
		}
		return out
	}
	panic("no formula")
}

// maxRules bounds what one rule of a policy may become.
const maxRules = 300

var errTooLarge = errors.New("the formula is too large")

// rules returns the formula as alternatives, each of which is one rule of nftables
// without its verdict.
func rules(f formula) ([][]expr.Any, error) {
	switch f := f.(type) {
	case atom:
		return [][]expr.Any{f.yes}, nil
	case or:
		var all [][]expr.Any
		for _, part := range f {
			more, err := rules(part)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		if len(all) > maxRules {
			return nil, errTooLarge
		}
		return all, nil
	case and:
		all := [][]expr.Any{nil}
		for _, part := range f {
			more, err := rules(part)
			if err != nil {
				return nil, err
			}
			if len(all)*len(more) > maxRules {
				return nil, errTooLarge
			}
			var product [][]expr.Any
			for _, left := range all {
				for _, right := range more {
					product = append(product, slices.Concat(left, right))
				}
			}
			all = product
		}
		return all, nil
	}
	panic("no formula")
}
