package filter

import "slices"

// Beside tells whether the filter looks at what is known of a packet beside its bytes.
func (f *Filter) Beside() bool {
	return slices.ContainsFunc(f.program.code, func(i instruction) bool { return i.op == opMeta })
}
