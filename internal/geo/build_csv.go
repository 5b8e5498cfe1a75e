package geo

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"go4.org/netipx"
)

// buildColumns are the columns that AddCSV knows, with their other names.
var buildColumns = map[string]string{
	"prefix": "prefix", "cidr": "prefix", "network": "prefix",
	"start": "start", "range_start": "start", "start_ip": "start",
	"end": "end", "range_end": "end", "end_ip": "end",
	"country": "country", "country_code": "country",
	"asn": "asn", "as_number": "asn",
	"as_name": "as_name", "as_description": "as_name",
}

// AddCSV adds lines of columns, parted by commas, or by tabs if there is one in the first
// line. The first line names the columns: prefix, or start and end, and any of country,
// asn and as_name; others are passed over. Without names they are
//
//	prefix,country,asn,as_name
//	start,end,country
//	start,end,asn,as_name
//	start,end,asn,country,as_name
//
// of which the last three have an address in the second column and that many columns; the
// longest is that of iptoasn.com's ip2asn. AS 0, "None" and countries that are no code are nothing.
//
// All faults are told together, each a [Fault]; nothing is added then.
func (b *Builder) AddCSV(name string, r io.Reader) error {
	buffered := bufio.NewReaderSize(r, maxBuildLine)
	c := csvReader{faultList: faultList{file: name}, csv: csv.NewReader(buffered)}
	c.csv.FieldsPerRecord, c.csv.Comment, c.csv.ReuseRecord, c.csv.LazyQuotes = -1, '#', true, true
	beginning, _ := buffered.Peek(maxBuildLine)
	if line, _, _ := bytes.Cut(beginning, []byte("\n")); bytes.ContainsRune(line, '\t') {
		c.csv.Comma = '\t'
	}
	before := b.Stats
	var l layer
	if err := c.read(func(s span) { b.add(&l, s) }); err != nil {
		b.Stats = before
		return err
	}
	b.layers = append(b.layers, l)
	return nil
}

// csvReader reads one file.
type csvReader struct {
	faultList
	csv   *csv.Reader
	names []string // of the columns; "" is passed over
}

func (c *csvReader) read(add func(span)) error {
	for {
		cells, err := c.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				c.add(parse.Line, parse.Column, "", "not CSV: %v", parse.Err)
				return c.err()
			}
			return fmt.Errorf("read %s: %w", c.file, err)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if c.names == nil {
			if c.head(cells); c.any() {
				return c.err()
			}
			if buildColumns[strings.ToLower(cells[0])] != "" {
				continue
			}
		}
		if s, ok := c.span(cells); ok {
			add(s)
		}
	}
	if c.names == nil {
		c.add(1, 1, "", "nothing in the file")
	}
	return c.err()
}

// head finds out which columns there are.
func (c *csvReader) head(cells []string) {
	if buildColumns[strings.ToLower(cells[0])] == "" {
		c.names = unnamed(cells)
		return
	}
	for _, cell := range cells {
		c.names = append(c.names, buildColumns[strings.ToLower(cell)])
	}
	if !slices.Contains(c.names, "prefix") && !(slices.Contains(c.names, "start") && slices.Contains(c.names, "end")) {
		line, _ := c.csv.FieldPos(0)
		c.add(line, 1, "name a column prefix, or two start and end", "no column of addresses")
	}
}

// unnamed returns the columns of a file that does not name them, by its first line.
func unnamed(cells []string) []string {
	if len(cells) > 1 {
		if _, err := netip.ParseAddr(cells[1]); err == nil {
			switch len(cells) {
			case 3:
				return []string{"start", "end", "country"}
			case 4:
				return []string{"start", "end", "asn", "as_name"}
			}
			return []string{"start", "end", "asn", "country", "as_name"}
		}
	}
	return []string{"prefix", "country", "asn", "as_name"}
}

// span reads one line.
func (c *csvReader) span(cells []string) (span, bool) {
	var s span
	var from, to netip.Addr
	var prefix netip.Prefix
	told := len(c.faults) + c.more
	for i, text := range cells[:min(len(cells), len(c.names))] {
		if text == "" {
			continue
		}
		switch c.names[i] {
		case "prefix":
			prefix = c.faultList.prefix(c.at(i, text))
		case "start":
			from = c.address(c.at(i, text))
		case "end":
			to = c.address(c.at(i, text))
		case "country":
			s.country = countryCode(text)
		case "asn":
			var ok bool
			if s.asn, ok = parseASN(text); !ok {
				at := c.at(i, text)
				c.add(at.line, at.column, "write a number such as 64512, or 0 for none", "bad AS number %q", text)
			}
		case "as_name":
			s.asName = clean(text)
		}
	}
	if len(c.faults)+c.more > told {
		return s, false
	}
	if s.addresses = netipx.IPRangeFrom(from, to); prefix.IsValid() {
		s.addresses = netipx.RangeOfPrefix(prefix)
	}
	if !s.addresses.IsValid() {
		line, _ := c.csv.FieldPos(0)
		c.add(line, 1, "the first must not be behind the last", "no range of addresses")
		return s, false
	}
	return s, true
}

func (c *csvReader) address(f field) netip.Addr {
	addr, err := netip.ParseAddr(f.text)
	if err != nil || addr.Zone() != "" {
		c.add(f.line, f.column, "write an address such as 192.0.2.7", "bad address %q", f.text)
		return netip.Addr{}
	}
	return addr
}

func (c *csvReader) at(i int, text string) field {
	line, column := c.csv.FieldPos(i)
	return field{strings.ToValidUTF8(text, string(utf8.RuneError)), line, column}
}
