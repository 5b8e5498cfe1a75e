package geo

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadListHandsEntriesOverAsTheyCome(t *testing.T) {
	var got []ListEntry
	about, err := ReadList("x", iotest.OneByteReader(strings.NewReader("; head\n 192.0.2.0/24 ; SBL1\n\nAS64500 ; bad\n2001:db8::1\n")), func(e ListEntry) error {
		got = append(got, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []ListEntry{
		{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Reference: "SBL1", Line: 2, Column: 2},
		{AS: 64500, Reference: "bad", Line: 4, Column: 1},
		{Prefix: netip.MustParsePrefix("2001:db8::1/128"), Line: 5, Column: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error("entries (-want +got)\n" + diff)
	}
	if want := (ListFacts{Kind: "text", Entries: 3}); about != want {
		t.Errorf("got %+v, want %+v", about, want)
	}
	about, err = ReadList("x", strings.NewReader(drop4JSON), func(ListEntry) error { return nil })
	if want := (ListFacts{Kind: "JSON lines", Entries: 2, Built: time.Unix(1772366400, 0).UTC()}); err != nil || about != want {
		t.Errorf("got %+v, %v, want %+v", about, err, want)
	}
}

// TestReadListPassesOverAMark begins lists with the mark of UTF-8, as some editors do.
func TestReadListPassesOverAMark(t *testing.T) {
	const mark = "\ufeff"
	for text, want := range map[string]int{
		mark + "192.0.2.1\n192.0.2.3\n": 2, mark + "# head\n192.0.2.1\n": 1, mark + "\n192.0.2.1\n": 1, mark + drop4JSON: 2,
	} {
		about, err := ReadList("x", strings.NewReader(text), func(e ListEntry) error { return nil })
		if err != nil || about.Entries != want {
			t.Errorf("%q: %+v, %v; want %d entries", text, about, err, want)
		}
	}
	for _, text := range []string{mark, mark + mark + "192.0.2.1\n", "192.0.2.1\n" + mark + "192.0.2.3\n"} {
		if about, err := ReadList("x", strings.NewReader(text), func(e ListEntry) error { return nil }); err == nil {
			t.Errorf("%q: %+v, no error", text, about)
		}
	}
}

func TestReadListEnds(t *testing.T) {
	broken, enough := errors.New("broken"), errors.New("enough")
	for name, test := range map[string]struct {
		from  io.Reader
		visit func(ListEntry) error
		want  string
		is    error
	}{
		"with what the reader returns": {io.MultiReader(strings.NewReader("192.0.2.1\n"), iotest.ErrReader(broken)), nil, "read x: broken", broken},
		"with what the visitor returns": {strings.NewReader("192.0.2.1\nbad\n"), func(ListEntry) error { return enough },
			"enough", enough},
		"with the visitor's faults in their places": {strings.NewReader("192.0.2.1\n 192.0.2.2\nbad\n"), func(e ListEntry) error {
			return &Fault{Message: "not " + e.Prefix.String(), Cure: "remove it"}
		}, "x:1:1: not 192.0.2.1/32 (remove it)\nx:2:2: not 192.0.2.2/32 (remove it)\n" +
			`x:3:1: bad prefix "bad" (write an address such as 192.0.2.7 or a range such as 10.0.0.0/8 or 2001:db8::/32)`, nil},
		"at a line that is none": {strings.NewReader("192.0.2.1\n" + strings.Repeat("1", maxListLine+1)), nil,
			"x:2:1: a line of more than 65536 bytes (write one entry a line)", nil},
	} {
		visit := test.visit
		if visit == nil {
			visit = func(ListEntry) error { return nil }
		}
		_, err := ReadList("x", test.from, visit)
		if err == nil || err.Error() != test.want || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}
