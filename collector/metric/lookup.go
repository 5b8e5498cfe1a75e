package metric

import "strings"

// Lookup finds the family that a series belongs to, given the name that a query
// uses: the name of the family or, for a histogram, also that name followed by
// "_bucket", "_sum" or "_count".
//
// It reports false for a name that PacketScope does not expose.
func Lookup(series string) (*Family, bool) {
	for _, f := range Families {
		if f.Name == series {
			return f, true
		}
		if suffix, ok := strings.CutPrefix(series, f.Name); ok && f.Type == Histogram {
			switch suffix {
			case "_bucket", "_sum", "_count":
				return f, true
			}
		}
	}
	return nil, false
}
