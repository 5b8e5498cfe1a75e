package kernel

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// A symbolTable is all functions of the kernel.
type symbolTable struct {
	// begins are sorted; name i is text from names[i] to the zero byte.
	begins []uint64
	names  []uint32
	text   []byte
}

// Load reads the whole list, once: from now on [Symbols.Functions] reads it no more. It takes
// some 5 MB of memory. A caller that always meets new functions saves the time of reading the
// list for each; what is added to the kernel later has no name.
func (s *Symbols) Load() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.list.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read kernel symbols: %w", err)
	}
	table, err := readSymbols(s.list)
	if err != nil {
		return fmt.Errorf("read kernel symbols: %w", err)
	}
	s.all = table
	return nil
}

func readSymbols(list io.Reader) (*symbolTable, error) {
	type symbol struct {
		begin uint64
		name  uint32
	}
	var all []symbol
	t := new(symbolTable)
	err := eachSymbol(list, func(begin uint64, name []byte) {
		name, _, _ = bytes.Cut(name, []byte("."))
		all = append(all, symbol{begin, uint32(len(t.text))})
		t.text = append(append(t.text, name...), 0)
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b symbol) int {
		switch {
		case a.begin < b.begin:
			return -1
		case a.begin > b.begin:
			return 1
		}
		return 0
	})
	t.begins, t.names = make([]uint64, len(all)), make([]uint32, len(all))
	for i, s := range all {
		t.begins[i], t.names[i] = s.begin, s.name
	}
	return t, nil
}

// function returns the name of the function that a return address lies in.
func (t *symbolTable) function(address uint64) string {
	// A call can be the last instruction of a function, so that what is behind it belongs to
	// the next.
	i, _ := slices.BinarySearch(t.begins, address)
	if i == 0 {
		return UnknownFunction
	}
	begin := t.begins[i-1]
	for i > 1 && t.begins[i-2] == begin {
		i-- // the first of an address, as findFunctions takes it
	}
	name := t.text[t.names[i-1]:]
	return string(name[:bytes.IndexByte(name, 0)])
}
