package geo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A listReader reads one list.
type listReader struct {
	faultList
	list  blocklist
	built time.Time // zero: the list does not say
}

// parseBlocklist reads a list of whatever format. The error is all its faults.
func parseBlocklist(path string, data []byte) (*blocklist, facts, error) {
	r := &listReader{faultList: faultList{file: path}}
	kind := "text"
	switch start := bytes.TrimSpace(data); {
	case bytes.HasPrefix(start, []byte("{")):
		kind = "JSON lines"
		r.json(data)
	case bytes.HasPrefix(start, []byte("[")):
		r.add(1, 1, "write one object a line", "a JSON array")
	default:
		r.text(data)
	}
	if !r.any() && r.list.entries() == 0 {
		r.add(1, 1, "was it fetched to its end? EDROP became part of DROP in 2024", "no entry in the list")
	}
	if r.any() {
		return nil, facts{}, r.err()
	}
	return &r.list, facts{kind: kind, built: r.built, entries: r.list.entries()}, nil
}

// lines visits the lines that are not blank, with their numbers.
func lines(data []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range bytes.Lines(data) {
			number++
			if text := strings.TrimRight(string(line), " \t\r\n"); strings.TrimSpace(text) != "" && !yield(number, text) {
				return
			}
		}
	}
}

// text reads one entry a line.
func (r *listReader) text(data []byte) {
	for number, line := range lines(data) {
		entry, comment := line, ""
		if i := strings.IndexAny(line, ";#"); i >= 0 {
			entry, comment = line[:i], strings.TrimSpace(line[i+1:])
		}
		blank := len(entry) - len(strings.TrimLeft(entry, " \t"))
		if entry = strings.TrimSpace(entry); entry == "" {
			r.header(comment)
			continue
		}
		reference, _, _ := strings.Cut(comment, " ")
		r.entry(field{entry, number, blank + 1}, clean(reference))
	}
}

// header reads when a list of Spamhaus was made: "Last-Modified: Sat, 12 May 2018 ...".
func (r *listReader) header(comment string) {
	const name = "Last-Modified:"
	if len(comment) > len(name) && strings.EqualFold(comment[:len(name)], name) {
		if t, err := time.Parse(time.RFC1123, strings.TrimSpace(comment[len(name):])); err == nil {
			r.built = t
		}
	}
}

func (r *listReader) entry(f field, reference string) {
	if len(f.text) > 2 && strings.EqualFold(f.text[:2], "AS") {
		asn, ok := parseASN(f.text)
		if !ok || asn == 0 {
			r.add(f.line, f.column, "write AS64512", "bad AS number %q", f.text)
			return
		}
		r.list.addSystem(asn, reference)
		return
	}
	r.prefixEntry(f, reference)
}

func (r *listReader) prefixEntry(f field, reference string) {
	p := r.prefix(f)
	switch {
	case !p.IsValid():
	case p.Bits() == 0:
		r.add(f.line, f.column, "remove it", "%v would list every address", p)
	default:
		r.list.addPrefix(p, reference)
	}
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

// json reads one object a line.
func (r *listReader) json(data []byte) {
	records, last := 0, 1
	var end *jsonEntry
	for number, line := range lines(data) {
		last = number
		var e jsonEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			r.add(number, 1, "was it fetched to its end?", "not a JSON object a line: %v", shorter(err))
			continue
		}
		if e.Type == "metadata" {
			end = &e
			continue
		}
		records++
		r.jsonEntry(number, line, e)
	}
	switch {
	case r.any():
	case end == nil:
		r.add(last, 1, "fetch it again; lists of your own may be text, one prefix a line",
			"no metadata at the end of the list, so it may have been cut off")
	case end.Records != nil && records < *end.Records:
		r.add(last, 1, "fetch it again", "%d records, but the metadata count %d", records, *end.Records)
	default:
		if end.Timestamp > 0 {
			r.built = time.Unix(end.Timestamp, 0).UTC()
		}
	}
}

func (r *listReader) jsonEntry(number int, line string, e jsonEntry) {
	switch {
	case e.CIDR != "":
		column := 1 + utf8.RuneCountInString(line[:max(strings.Index(line, strconv.Quote(e.CIDR)), 0)])
		r.prefixEntry(field{e.CIDR, number, column}, clean(e.SBLID))
	case len(e.ASN) > 0:
		text := strings.Trim(string(e.ASN), `"`)
		asn, ok := parseASN(text)
		if !ok || asn == 0 {
			r.add(number, 1, "", "bad AS number %q", text)
			return
		}
		r.list.addSystem(asn, clean(first(e.ASName, e.Domain)))
	default:
		r.add(number, 1, "", "neither cidr nor asn in the entry")
	}
}

// shorter bounds an error that may quote what is in a file.
func shorter(err error) string {
	return clean(fmt.Sprint(err))
}
