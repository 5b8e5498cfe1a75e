package house

import (
	"bytes"
	"path"
	"regexp"
)

// maxLines is the length of the longest file that may still be one noun.
const maxLines = 450

// The patterns are written so that they do not match themselves.
var (
	generated  = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	unfinished = regexp.MustCompile(`\b(TOD[O]|FIXM[E])\b`)
	// homes are the folders of whoever built this. A path that continues
	// another one, as in a URL, is not meant.
	homes = regexp.MustCompile(`(?:^|[^\w./-])(/(?:wor[k]|roo[t]|hom[e])/)`)
)

// text checks what holds for every file, source or not.
func (c *checker) text(name string, data []byte) {
	if path.Base(name) == "go.sum" {
		return // hashes say anything
	}
	const home = "names a folder of the machine it was made on"
	if binary := bytes.IndexByte(data, 0) >= 0; binary {
		// A compiler may have written the path of the source into it.
		if homes.Match(data) {
			c.add(name, 0, home)
		}
		return
	}
	c.forbid(name, data, homes, home)
	c.forbid(name, data, unfinished, "is unfinished")
	if lines := bytes.Count(data, []byte("\n")); isSource(name) && lines > maxLines && !generated.Match(data) {
		c.add(name, 0, "has %d lines, more than %d", lines, maxLines)
	}
}

func (c *checker) forbid(name string, data []byte, pattern *regexp.Regexp, message string) {
	for _, at := range pattern.FindAllSubmatchIndex(data, -1) {
		found := data[at[2]:at[3]]
		line := 1 + bytes.Count(data[:at[2]], []byte("\n"))
		c.add(name, line, "%s: %s", message, found)
	}
}

func isSource(name string) bool {
	switch path.Ext(name) {
	case ".go", ".c", ".h":
		return true
	}
	return false
}
