package metric

import "strings"

// Lookup finds the family that a series belongs to, given the name that a query
// uses: the name of the family or, for a histogram or a summary, also that name followed
// by "_sum", "_count" or, for a histogram, "_bucket".
//
// It reports false for a name that PacketScope does not expose.
func Lookup(series string) (*Family, bool) {
	for _, f := range Families {
		if f.Name == series {
			return f, true
		}
		suffix, ok := strings.CutPrefix(series, f.Name)
		switch {
		case !ok, f.Type != Histogram && f.Type != Summary:
		case suffix == "_sum", suffix == "_count", suffix == "_bucket" && f.Type == Histogram:
			return f, true
		}
	}
	return nil, false
}
