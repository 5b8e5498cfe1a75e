package vmtest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCpioWriter(t *testing.T) {
	var got bytes.Buffer
	c := &cpioWriter{w: &got}
	c.Dir("bin")
	c.File("bin/a", []byte("hello"))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"070701" + "00000001" + "000041ed" + strings.Repeat("0", 16) + "00000001" + "00000000" + "00000000" +
			strings.Repeat("0", 32) + "00000004" + "00000000" + "bin\x00" + "\x00\x00",
		"070701" + "00000002" + "000081ed" + strings.Repeat("0", 16) + "00000001" + "00000000" + "00000005" +
			strings.Repeat("0", 32) + "00000006" + "00000000" + "bin/a\x00" + "" + "hello" + "\x00\x00\x00",
		"070701" + "00000003" + "00000000" + strings.Repeat("0", 16) + "00000001" + "00000000" + "00000000" +
			strings.Repeat("0", 32) + "0000000b" + "00000000" + "TRAILER!!!\x00" + "\x00\x00\x00",
	}, "")
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("archive (-want +got):\n%s", diff)
	}
}
