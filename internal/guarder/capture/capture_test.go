package capture

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// unhex joins words of hexadecimal digits; what follows a # is a note.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readAll(file []byte) (records []Record, err error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		records = append(records, record)
	}
}

const (
	littleMicro = `
		d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000 # pcap 2.4, Ethernet
		40e1f565 40e20100 03000000 3c000000 aabbcc             # 2024-03-16T18:13:20.123456Z, 3 of 60 bytes
		41e1f565 00000000 00000000 00000000`
	bigNano = `
		a1b23c4d 0002 0004 00000000 00000000 00040000 00000001
		65f5e140 075bcd15 00000003 0000003c aabbcc
		65f5e141 00000000 00000000 00000000`
	// A section of the other byte order follows the first one.
	blocks = `
		0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
		00000001 00000028 0001 0000 00000000 # Ethernet
		0002 0004 65746830 0009 0001 09000000 0000 0000 00000028 # eth0, nanoseconds
		00000005 00000010 12345678 00000010 # some other block
		00000006 00000030 00000000 17bd5147 4b984d15 00000003 0000003c aabbcc00
		0001 0004 6e6f7465 0000 0000 00000030 # "note"
		0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000
		01000000 20000000 0100 0000 02000000 0900 0100 8a000000 0000 0000 20000000 # keeps 2 bytes, 2^-10 s
		06000000 24000000 00000000 97010000 000285d7 02000000 3c000000 ccdd0000 24000000
		03000000 14000000 3c000000 eeff0000 14000000`
)

var moment = time.Date(2024, 3, 16, 18, 13, 20, 123_456_789, time.UTC)

var goldens = map[string]struct {
	file string
	want []Record
}{
	"pcap, little endian, microseconds": {littleMicro, []Record{
		{Time: moment.Truncate(time.Microsecond), Frame: []byte{0xaa, 0xbb, 0xcc}, Length: 60},
		{Time: moment.Truncate(time.Second).Add(time.Second), Frame: []byte{}},
	}},
	"pcap, big endian, nanoseconds": {bigNano, []Record{
		{Time: moment, Frame: []byte{0xaa, 0xbb, 0xcc}, Length: 60},
		{Time: moment.Truncate(time.Second).Add(time.Second), Frame: []byte{}},
	}},
	"pcapng, two sections": {blocks, []Record{
		{Time: moment, Frame: []byte{0xaa, 0xbb, 0xcc}, Length: 60, Interface: "eth0", Comment: "note"},
		{Time: moment.Truncate(time.Second).Add(500 * time.Millisecond), Frame: []byte{0xcc, 0xdd}, Length: 60},
		{Frame: []byte{0xee, 0xff}, Length: 60},
	}},
}

func TestReaderKnowsAllKinds(t *testing.T) {
	for name, golden := range goldens {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(unhex(t, golden.file))
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(golden.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// A file that ends early gives the frames that are whole, and then an error unless
// it ends between them.
func TestReaderOfTruncatedFile(t *testing.T) {
	for name, golden := range goldens {
		file := unhex(t, golden.file)
		whole := 0
		for n := range file {
			got, err := readAll(file[:n])
			if diff := cmp.Diff(golden.want[:len(got)], got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s, %d bytes: (-want +got)\n%s", name, n, diff)
			}
			if err == nil {
				whole++
			}
		}
		// pcap: behind the header and each frame but the last. pcapng: behind each of the
		// eight blocks but the last.
		want := map[bool]int{true: 2, false: 7}[strings.HasPrefix(name, "pcap,")]
		if whole != want {
			t.Errorf("%s: whole after %d lengths, want %d", name, whole, want)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	for want, file := range map[string]string{
		"no capture: the file has less than 4 bytes":                                                   "d4c3b2",
		"neither pcap nor pcapng: the file begins with 7f454c46":                                       "7f454c46 02010100",
		"the file ends within its header of 24 bytes":                                                  "d4c3b2a1 0200",
		"pcap version 3.4 is not known, only 2.4":                                                      "d4c3b2a1 0300 0400 00000000 00000000 00000400 01000000",
		`link type 113 is not Ethernet (1); capture on one device instead of "any"`:                    "d4c3b2a1 0200 0400 00000000 00000000 00000400 71000000",
		"link type 101 is not Ethernet (1); these are packets without Ethernet header, as of a tunnel": "a1b2c3d4 0002 0004 00000000 00000000 00040000 00000065",
		"link type 105 is not Ethernet (1); capture on an Ethernet device":                             "a1b2c3d4 0002 0004 00000000 00000000 00040000 00000069",
		"frame 1: it claims 262145 bytes, more than 262144; the file is damaged":                       "a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001 00000000 00000000 00040001 00000000",
		"frame 1: the file ends within it":                                                             "a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001 00000000 00000000 00000004 00000004 aabbcc",
		"pcapng section with byte order 00000000; the file is damaged":                                 "0a0d0d0a 0000001c 00000000",
		"pcapng version 2.0 is not known, only 1.0":                                                    "0a0d0d0a 0000001c 1a2b3c4d 0002 0000 ffffffffffffffff 0000001c",
		"pcapng section header: block of 28 bytes ends as one of 29; the file is damaged":              "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001d",
		"pcapng section header is too short; the file is damaged":                                      "0a0d0d0a 00000014 1a2b3c4d 00010000 00000014",
		"frame 1: block of 13 bytes; the file is damaged":                                              "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000006 0000000d",
		"frame 1: its interface 0 is not described; the file is damaged":                               "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000003 00000010 00000000 00000010",
		"frame 1: its block is too short; the file is damaged":                                         "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000006 0000000c 0000000c",
		"frame 1: unit of time 0x7f is finer than 64 bits can tell":                                    "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000001 0000001c 0001 0000 00000000 0009 0001 7f000000 0000001c",
		`frame 1: link type 276 is not Ethernet (1); capture on one device instead of "any"`:           "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000001 00000014 0114 0000 00000000 00000014 00000003 00000010 00000000 00000010",
	} {
		if _, err := readAll(unhex(t, file)); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func TestReaderReadsWhatWriterWrote(t *testing.T) {
	want := []Record{
		{Time: moment, Frame: []byte{1, 2, 3, 4, 5}, Length: 1500, Interface: "eth0", Comment: "drop floods/echo", Verdict: 1},
		{Time: moment.Add(time.Nanosecond), Frame: []byte{6, 7, 8, 9}, Length: 4, Interface: "eth1", Verdict: 2},
		{Time: moment.Add(time.Hour), Frame: []byte{}, Length: 0, Interface: "eth0", Comment: "five5"},
	}
	var file bytes.Buffer
	w, err := NewWriter(&file, "packetscope")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range want {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := w.Write(Record{Frame: make([]byte, maxFrame+1)}); err == nil {
		t.Error("a frame that no reader takes was written")
	}
}

// The bytes of a written capture, as other programs must read it.
func TestWriterWritesBlocks(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, "app")
	if err == nil {
		err = w.Write(Record{Time: time.Unix(0, 0x1_0000_0002), Frame: []byte{0xaa, 0xbb, 0xcc}, Length: 60, Interface: "lo", Comment: "hello", Verdict: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	want := unhex(t, `
		0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0300 61707000 0000 0000 28000000
		01000000 28000000 0100 0000 00000400 0200 0200 6c6f0000 0900 0100 09000000 0000 0000 28000000
		06000000 44000000 00000000 01000000 02000000 03000000 3c000000 aabbcc00
		0100 0500 68656c6c 6f000000 0700 0900 02 0100000000000000 000000 0000 0000 44000000`)
	if diff := cmp.Diff(want, file.Bytes()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzReader(f *testing.F) {
	for _, golden := range goldens {
		f.Add(unhex(f, golden.file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		records, _ := readAll(file)
		for _, r := range records {
			if len(r.Frame) > len(file) {
				t.Fatalf("frame of %d bytes in a file of %d", len(r.Frame), len(file))
			}
		}
	})
}
