package kernel

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Symbols finds the kernel functions that addresses of code lie in.
//
// It keeps what it has found and no more: the 120,000 symbols of a kernel would take
// megabytes, and only a few dozen functions drop packets. The kernel decides who may
// see addresses when its list is opened, so it can be read after CAP_SYSLOG is gone.
// Its methods may be called from any goroutine.
type Symbols struct {
	mu    sync.Mutex
	list  io.ReadSeeker
	close func() error
	found map[uint64]string
	all   *symbolTable // see Load
}

// UnknownFunction is the name of what cannot be told: the kernel hides its addresses,
// or it has forgotten the function with its module.
const UnknownFunction = "unknown"

// OpenSymbols opens the kernel's list. That it is opened does not mean that it shows
// addresses.
func OpenSymbols() (*Symbols, error) {
	file, err := os.Open("/proc/kallsyms")
	if err != nil {
		return nil, fmt.Errorf("open kernel symbols: %w", err)
	}
	return &Symbols{list: file, close: file.Close, found: make(map[uint64]string)}, nil
}

// Functions returns the name of the function of each address, which is a return
// address: that of the instruction behind a call. Suffixes that the compiler gave to
// parts and variants of a function (".isra.0", ".cold") are left out.
//
// The list is read once if there are addresses among them that were not asked for
// before.
func (s *Symbols) Functions(addresses []uint64) (map[uint64]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[uint64]string, len(addresses))
	if s.all != nil {
		for _, a := range addresses {
			names[a] = s.all.function(a)
		}
		return names, nil
	}
	var fresh []uint64
	for _, a := range addresses {
		if name, ok := s.found[a]; ok {
			names[a] = name
		} else {
			fresh = append(fresh, a)
		}
	}
	if len(fresh) == 0 {
		return names, nil
	}
	if _, err := s.list.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	found, err := findFunctions(s.list, fresh)
	if err != nil {
		return nil, fmt.Errorf("read kernel symbols: %w", err)
	}
	for a, name := range found {
		s.found[a], names[a] = name, name
	}
	return names, nil
}

// Hidden tells whether the list has no address of any function: the kernel shows none without
// CAP_SYSLOG, and with the sysctl kernel.kptr_restrict at 2 to nobody.
func (s *Symbols) Hidden() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.list.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("read kernel symbols: %w", err)
	}
	for lines := bufio.NewReader(s.list); ; {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("read kernel symbols: %w", err)
		}
		if _, _, ok := parseSymbol(line); ok {
			return false, nil
		}
	}
}

// Close closes the list.
func (s *Symbols) Close() error { return s.close() }

// findFunctions reads lines "ffffffff81000000 T name [module]" in any order.
func findFunctions(list io.Reader, addresses []uint64) (map[uint64]string, error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(addresses)))
	type symbol struct {
		begin uint64
		name  []byte
	}
	// best[i] is the last symbol that begins before wanted[i] and not before
	// wanted[i-1].
	best := make([]symbol, len(wanted))
	err := eachSymbol(list, func(begin uint64, name []byte) {
		// A call can be the last instruction of a function, so that what is behind
		// it belongs to the next.
		i, _ := slices.BinarySearch(wanted, begin+1)
		if i < len(wanted) && begin > best[i].begin {
			best[i].begin, best[i].name = begin, append(best[i].name[:0], name...)
		}
	})
	if err != nil {
		return nil, err
	}
	found := make(map[uint64]string, len(wanted))
	for i, a := range wanted {
		if i > 0 && best[i].begin == 0 {
			best[i] = best[i-1]
		}
		found[a] = UnknownFunction
		if best[i].begin != 0 {
			name, _, _ := strings.Cut(string(best[i].name), ".")
			found[a] = name
		}
	}
	return found, nil
}

// eachSymbol tells of the functions of a list. A name is valid until the next one.
func eachSymbol(list io.Reader, tell func(begin uint64, name []byte)) error {
	for lines := bufio.NewReaderSize(list, 64<<10); ; {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if begin, name, ok := parseSymbol(line); ok {
			tell(begin, name)
		}
	}
}

// parseSymbol returns a function of the list; false for what is none or has no
// address.
func parseSymbol(line []byte) (begin uint64, name []byte, ok bool) {
	address, rest, _ := bytes.Cut(line, []byte{' '})
	kind, rest, _ := bytes.Cut(rest, []byte{' '})
	if len(kind) != 1 || !bytes.ContainsAny(kind, "tTwW") {
		return 0, nil, false
	}
	begin, err := strconv.ParseUint(string(address), 16, 64)
	name = bytes.TrimSpace(rest)
	if i := bytes.IndexAny(name, " \t"); i >= 0 {
		name = name[:i]
	}
	return begin, name, err == nil && begin != 0 && len(name) > 0
}
