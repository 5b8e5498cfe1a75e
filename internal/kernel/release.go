package kernel

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A Release is the version of a kernel.
//
// Distributions carry features back to older releases, so prefer a probe; a
// release serves where none exists, and to say what would be new enough.
type Release struct {
	Major, Minor int
}

// ParseRelease parses what uname -r prints, such as "6.1.0-18-amd64".
func ParseRelease(text string) (Release, error) {
	major, rest, _ := strings.Cut(strings.TrimSpace(text), ".")
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		rest = rest[:end]
	}
	x, errMajor := strconv.Atoi(major)
	y, errMinor := strconv.Atoi(rest)
	if errMajor != nil || errMinor != nil || x < 0 {
		return Release{}, fmt.Errorf("parse kernel release %q", text)
	}
	return Release{x, y}, nil
}

// AtLeast reports whether r is major.minor or newer.
func (r Release) AtLeast(major, minor int) bool {
	return cmp.Or(cmp.Compare(r.Major, major), cmp.Compare(r.Minor, minor)) >= 0
}

// String returns "6.1".
func (r Release) String() string { return fmt.Sprintf("%d.%d", r.Major, r.Minor) }
