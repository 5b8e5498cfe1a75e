package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		out  string // part of the output, or of the error
		fail bool
	}{
		{[]string{"check", dir}, "run packetscope-dashboards write " + dir, true},
		{[]string{"write", dir}, "json/overview.json", false},
		{[]string{"check", dir}, "", false},
		{[]string{"list"}, "packetscope-overview", false},
		{[]string{"write", "/no/such/folder"}, "/no/such/folder", true},
		{[]string{"paint"}, "try --help", true},
	} {
		var out bytes.Buffer
		err := run(c.args, &out)
		if err != nil {
			out.WriteString(err.Error())
		}
		if (err != nil) != c.fail || !strings.Contains(out.String(), c.out) {
			t.Errorf("%v: %v\n%s", c.args, err, &out)
		}
	}
}
