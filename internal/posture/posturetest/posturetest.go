// Package posturetest has the settings of a server for tests.
package posturetest

import (
	_ "embed"
	"strings"
	"testing/fstest"
)

//go:embed recorded.txt
var recorded string

// Recorded returns the part of /proc/sys that is read, of a server with Linux 6.18 and one
// card, as it came.
func Recorded() fstest.MapFS {
	root := fstest.MapFS{}
	for line := range strings.Lines(recorded) {
		Set(root, line)
	}
	return root
}

// Set writes a line such as "net/ipv4/tcp_syncookies 1".
func Set(root fstest.MapFS, line string) {
	path, value, _ := strings.Cut(line, " ")
	root["proc/sys/"+path] = &fstest.MapFile{Data: []byte(strings.TrimSpace(value) + "\n")}
}
