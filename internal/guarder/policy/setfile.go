package policy

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Limits of files of prefixes, so that a wrong one is not taken for a list.
const (
	// MaxPrefixes is the most prefixes of a file.
	MaxPrefixes = 8 << 20
	// maxLine is the most bytes of a line, of which most are a comment.
	maxLine = 64 << 10
	// maxAlike is how many lines with one sort of fault are told one by one.
	maxAlike = 20
)

// setFile reads prefixes from a file of their own.
func (r *reader) setFile(n *yaml.Node, s *namedSet) {
	path, ok := r.text(n)
	if !ok {
		return
	}
	if s.kind != "prefix" {
		r.fault(n, wrongType, "", "only a set of type prefix can be read from a file")
		return
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(r.file), path)
	}
	file, err := os.Open(path)
	if err != nil {
		r.fault(n, notYAML, "", "%v", err)
		return
	}
	defer file.Close()
	if !slices.Contains(r.files, path) {
		r.files = append(r.files, path)
	}
	l := lineReader{reader: &reader{loader: r.loader, file: path, in: r.in}, most: MaxPrefixes, alike: make(map[string]*alike)}
	s.prefixes = l.prefixes(file, s.prefixes)
	l.rest()
}

// A lineReader reads a file of prefixes, one per line.
type lineReader struct {
	*reader
	most  int       // prefixes
	at    yaml.Node // the line
	alike map[string]*alike
}

// alike counts the lines with one sort of fault.
type alike struct {
	lines int
	first Fault // that is not told by itself
}

// prefixes adds those of the file to some.
func (l *lineReader) prefixes(file *os.File, all []netip.Prefix) []netip.Prefix {
	if info, err := file.Stat(); err == nil {
		const shortest = 8 // bytes of an address, about
		all = slices.Grow(all, int(min(info.Size()/shortest, int64(l.most))))
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	l.at.Column = 1
	for lines.Scan() {
		l.at.Line++
		line, _, _ := strings.Cut(lines.Text(), "#")
		line, _, _ = strings.Cut(line, ";")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(all) == l.most {
			l.fault(&l.at, OverBudget, "", "more than %d prefixes", l.most)
			return all
		}
		told := len(l.faults)
		p, ok := l.prefix(&l.at, line)
		if ok {
			all = append(all, p)
		}
		l.count(told)
	}
	if err := lines.Err(); err != nil {
		l.at.Line++
		if errors.Is(err, bufio.ErrTooLong) {
			l.fault(&l.at, badAddress, "have one address or prefix per line", "a line of more than %d bytes", maxLine)
		} else {
			l.fault(&l.at, notYAML, "", "%v", err)
		}
	}
	return all
}

// count takes back the fault of a line, if there is one, when there were many like it.
func (l *lineReader) count(told int) {
	for _, f := range l.faults[told:] {
		a := l.alike[f.Code]
		if a == nil {
			a = new(alike)
			l.alike[f.Code] = a
		}
		if a.lines++; a.lines <= maxAlike {
			continue
		}
		if a.lines == maxAlike+1 {
			a.first = f
		}
		l.faults = l.faults[:told]
	}
}

// rest tells how many lines there were that were not told by themselves.
func (l *lineReader) rest() {
	for _, a := range l.alike {
		if more := a.lines - maxAlike; more > 1 {
			a.first.Text = fmt.Sprintf("%s (and %d more lines like this)", a.first.Text, more-1)
		}
		if a.lines > maxAlike {
			l.faults = append(l.faults, a.first)
		}
	}
}
