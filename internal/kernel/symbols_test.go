package kernel

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someSymbols = `ffffffff81000000 T _stext
ffffffff81001000 T tcp_v4_rcv
ffffffff81001800 t udp_queue_rcv_one_skb.isra.0
ffffffff81001900 D no_function
ffffffff81002000 T ip_rcv_core
0000000000000000 A percpu
ffffffffc0000100 t nft_do_chain	[nf_tables]
ffffffffc0000400 t bpf_prog_1 [bpf]
garbage
ffffffff81003000 T _etext
`

// countingList counts how often it is read from the beginning.
type countingList struct {
	*strings.Reader
	reads int
}

func (l *countingList) Seek(offset int64, whence int) (int64, error) {
	l.reads++
	return l.Reader.Seek(offset, whence)
}

func TestFunctionsAreFoundByReturnAddress(t *testing.T) {
	list := &countingList{Reader: strings.NewReader(someSymbols)}
	s := &Symbols{list: list, close: func() error { return nil }, found: make(map[uint64]string)}
	want := map[uint64]string{
		0xffffffff81001001: "tcp_v4_rcv",
		0xffffffff81001800: "tcp_v4_rcv", // its last instruction is a call
		0xffffffff81001801: "udp_queue_rcv_one_skb",
		0xffffffff81001fff: "udp_queue_rcv_one_skb",
		0xffffffff81002abc: "ip_rcv_core",
		0xffffffffc0000200: "nft_do_chain",
		0xffffffffc0000300: "nft_do_chain",
		0x1234:             UnknownFunction,
	}
	var addresses []uint64
	for a := range want {
		addresses = append(addresses, a, a)
	}
	for range 2 {
		got, err := s.Functions(addresses)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("functions (-want +got):\n%s", diff)
		}
	}
	if list.reads != 1 {
		t.Errorf("the list was read %d times, want once", list.reads)
	}
	all := &Symbols{list: list, close: func() error { return nil }}
	if err := all.Load(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := all.Functions(addresses)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("functions of the whole list (-want +got):\n%s", diff)
		}
	}
	if list.reads != 2 {
		t.Errorf("the whole list was read %d times, want once", list.reads-1)
	}
}

func TestHiddenAddressesAreUnknown(t *testing.T) {
	hidden := "0000000000000000 T tcp_v4_rcv\n0000000000000000 T ip_rcv_core\n"
	got, err := findFunctions(strings.NewReader(hidden), []uint64{0xffffffff81001001})
	if err != nil || got[0xffffffff81001001] != UnknownFunction {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSymbolsThatCannotBeReadAreAnError(t *testing.T) {
	_, err := findFunctions(io.MultiReader(strings.NewReader(someSymbols), brokenReader{}), []uint64{1})
	if err == nil {
		t.Error("no error")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestListsWithoutAddressesAreHidden(t *testing.T) {
	for text, want := range map[string]bool{
		someSymbols: false,
		"":          true,
		"0000000000000000 T _stext\n0000000000000000 t nft_do_chain\t[nf_tables]\n":       true,
		"0000000000000000 A percpu\nffffffff81000000 D data\nffffffff81000000 T _stext\n": false,
	} {
		s := &Symbols{list: strings.NewReader(text), close: func() error { return nil }, found: make(map[uint64]string)}
		for range 2 {
			if got, err := s.Hidden(); got != want || err != nil {
				t.Errorf("%.40q: hidden %t, %v; want %t", text, got, err, want)
			}
		}
	}
}
