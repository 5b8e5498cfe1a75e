package rules

import (
	"errors"

	"github.com/packetscope/packetscope/internal/query"
)

// catalogue adds the recordings to what the exporter exposes, those first that need
// none of the others. It returns what is wrong with the ones that cannot be added.
func catalogue(recordings []Recording) (query.Catalogue, error) {
	c := query.Builtin()
	for left := recordings; len(left) > 0; {
		var later []Recording
		var faults []error
		for _, r := range left {
			if err := c.Record(r.Name, r.Expr); err != nil {
				later, faults = append(later, r), append(faults, err)
			}
		}
		if len(later) == len(left) {
			return nil, errors.Join(faults...)
		}
		left = later
	}
	return c, nil
}
