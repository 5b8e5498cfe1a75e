package geo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A ListEntry is one of a list: a prefix, or the number of an AS.
type ListEntry struct {
	Prefix    netip.Prefix // masked; invalid if it is an AS
	AS        uint32       // 0 if it is a prefix
	Reference string       // what the list says of it, or ""
	// Line and Column are where it stands, from 1; a column is a character.
	Line, Column int
}

// ListFacts are what a list says of itself.
type ListFacts struct {
	Kind    string    // "text" or "JSON lines"
	Built   time.Time // zero: it does not say
	Entries int
}

// maxListLine is the most bytes of a line of a list, of which most are a comment.
const maxListLine = 64 << 10

// byteOrderMark is what some editors begin a file of UTF-8 with (RFC 3629 section 6).
const byteOrderMark = "\ufeff"

// ReadList reads a list of the formats that [OpenBlocklists] tells of, and calls visit
// for each entry as it comes. The error is all faults of the list, each a [*Fault] with
// its place in the list of that name, or what from returned. A list with a fault is to
// be refused, which may be known at its end only.
//
// If visit returns a [*Fault], that is one of the list at the entry's place, and the rest
// is read; another error ends it, and is returned as it is.
func ReadList(name string, from io.Reader, visit func(ListEntry) error) (ListFacts, error) {
	r := &listReader{faultList: faultList{file: name}, visit: visit}
	if err := r.read(from); err != nil {
		return ListFacts{}, err
	}
	if !r.any() && r.facts.Entries == 0 {
		r.addOf(NoEntry, 1, 1, "was it fetched to its end? EDROP became part of DROP in 2024", "no entry in the list")
	}
	if r.any() {
		return ListFacts{}, r.err()
	}
	return r.facts, nil
}

// parseBlocklist reads a list of whatever format. The error is all its faults.
func parseBlocklist(path string, data []byte) (*blocklist, facts, error) {
	var list blocklist
	about, err := ReadList(path, bytes.NewReader(data), func(e ListEntry) error {
		switch {
		case e.AS != 0:
			list.addSystem(e.AS, e.Reference)
		case e.Prefix.Bits() == 0:
			return &Fault{Message: fmt.Sprintf("%v would list every address", e.Prefix), Cure: "remove it"}
		default:
			list.addPrefix(e.Prefix, e.Reference)
		}
		return nil
	})
	if err != nil {
		return nil, facts{}, err
	}
	return &list, facts{kind: about.Kind, built: about.Built, entries: list.entries()}, nil
}

// A listReader reads one list.
type listReader struct {
	faultList
	facts ListFacts
	visit func(ListEntry) error
	// What objects have told so far: how many there were but for the metadata, and those.
	records int
	end     *jsonEntry
}

// read reads all lines. The first that is not blank tells the format.
func (r *listReader) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxListLine)
	number := 0
	for lines.Scan() {
		number++
		line := strings.TrimRight(lines.Text(), " \t\r\n")
		if number == 1 {
			line = strings.TrimPrefix(line, byteOrderMark)
		}
		start := strings.TrimSpace(line)
		if start == "" {
			continue
		}
		if r.facts.Kind == "" {
			switch start[0] {
			case '{':
				r.facts.Kind = "JSON lines"
			case '[':
				r.add(1, 1, "write one object a line", "a JSON array")
				return nil
			default:
				r.facts.Kind = "text"
			}
		}
		read := r.textLine
		if r.facts.Kind != "text" {
			read = r.jsonLine
		}
		if err := read(number, line); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		r.add(number+1, 1, "write one entry a line", "a line of more than %d bytes", maxListLine)
	case err != nil:
		return fmt.Errorf("read %s: %w", r.file, err)
	case r.facts.Kind == "JSON lines":
		r.jsonEnd(max(number, 1))
	}
	return nil
}

// found hands an entry over.
func (r *listReader) found(e ListEntry) error {
	r.facts.Entries++
	err := r.visit(e)
	if f, ok := err.(*Fault); ok {
		r.add(e.Line, e.Column, f.Cure, "%s", f.Message)
		return nil
	}
	return err
}

// textLine reads an entry, or a comment.
func (r *listReader) textLine(number int, line string) error {
	entry, comment := line, ""
	if i := strings.IndexAny(line, ";#"); i >= 0 {
		entry, comment = line[:i], strings.TrimSpace(line[i+1:])
	}
	blank := len(entry) - len(strings.TrimLeft(entry, " \t"))
	if entry = strings.TrimSpace(entry); entry == "" {
		r.header(comment)
		return nil
	}
	reference, _, _ := strings.Cut(comment, " ")
	return r.entry(field{entry, number, blank + 1}, clean(reference))
}

// header reads when a list of Spamhaus was made: "Last-Modified: Sat, 12 May 2018 ...".
func (r *listReader) header(comment string) {
	const name = "Last-Modified:"
	if len(comment) > len(name) && strings.EqualFold(comment[:len(name)], name) {
		if t, err := time.Parse(time.RFC1123, strings.TrimSpace(comment[len(name):])); err == nil {
			r.facts.Built = t
		}
	}
}

func (r *listReader) entry(f field, reference string) error {
	if len(f.text) > 2 && strings.EqualFold(f.text[:2], "AS") {
		asn, ok := parseASN(f.text)
		if !ok || asn == 0 {
			r.add(f.line, f.column, "write AS64512", "bad AS number %q", f.text)
			return nil
		}
		return r.found(ListEntry{AS: asn, Reference: reference, Line: f.line, Column: f.column})
	}
	return r.prefixEntry(f, reference)
}

func (r *listReader) prefixEntry(f field, reference string) error {
	p := r.prefix(f)
	if !p.IsValid() {
		return nil
	}
	return r.found(ListEntry{Prefix: p, Reference: reference, Line: f.line, Column: f.column})
}

// A jsonEntry is a line of Spamhaus's JSON lists: a prefix, an AS, or the metadata.
type jsonEntry struct {
	CIDR      string          `json:"cidr"`
	SBLID     string          `json:"sblid"`
	ASN       json.RawMessage `json:"asn"`
	ASName    string          `json:"asname"`
	Domain    string          `json:"domain"`
	Type      string          `json:"type"`
	Timestamp int64           `json:"timestamp"` // seconds
	Records   *int            `json:"records"`
}

// jsonLine reads one object.
func (r *listReader) jsonLine(number int, line string) error {
	var e jsonEntry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		r.add(number, 1, "was it fetched to its end?", "not a JSON object a line: %v", shorter(err))
		return nil
	}
	if e.Type == "metadata" {
		r.end = &e
		return nil
	}
	r.records++
	return r.jsonEntry(number, line, e)
}

// jsonEnd looks at the metadata, behind the last line.
func (r *listReader) jsonEnd(last int) {
	switch end := r.end; {
	case r.any():
	case end == nil:
		r.addOf(CutOff, last, 1, "fetch it again; lists of your own may be text, one prefix a line",
			"no metadata at the end of the list, so it may have been cut off")
	case end.Records != nil && r.records < *end.Records:
		r.addOf(CutOff, last, 1, "fetch it again", "%d records, but the metadata count %d", r.records, *end.Records)
	default:
		if end.Timestamp > 0 {
			r.facts.Built = time.Unix(end.Timestamp, 0).UTC()
		}
	}
}

func (r *listReader) jsonEntry(number int, line string, e jsonEntry) error {
	switch {
	case e.CIDR != "":
		column := 1 + utf8.RuneCountInString(line[:max(strings.Index(line, strconv.Quote(e.CIDR)), 0)])
		return r.prefixEntry(field{e.CIDR, number, column}, clean(e.SBLID))
	case len(e.ASN) > 0:
		text := strings.Trim(string(e.ASN), `"`)
		asn, ok := parseASN(text)
		if !ok || asn == 0 {
			r.add(number, 1, "", "bad AS number %q", text)
			return nil
		}
		return r.found(ListEntry{AS: asn, Reference: clean(first(e.ASName, e.Domain)), Line: number, Column: 1})
	default:
		r.add(number, 1, "", "neither cidr nor asn in the entry")
		return nil
	}
}

// shorter bounds an error that may quote what is in a file.
func shorter(err error) string {
	return clean(fmt.Sprint(err))
}
