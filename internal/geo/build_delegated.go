package geo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"go4.org/netipx"
)

// maxBuildLine is the most bytes of a line of what a database is made of.
const maxBuildLine = 64 << 10

// AddDelegated adds a file of a regional registry, "delegated-…-extended-latest" in the
// format of the Number Resource Organization (RIR statistics exchange format, 2.3 for the
// extended one; the plain one will do, without AS numbers):
//
//	ripencc|CH|ipv4|193.0.0.0|2048|19930901|allocated|4a3b…
//
// The country is where the holder is registered ([Place.Registered]). The files do not
// tell which AS announces addresses. But they name the holder of each range and of each
// AS number alike, and a holder of one AS only most likely announces its own addresses:
// those get that AS, marked by [Network.Holder].
//
// All faults are told together, each a [Fault]; nothing is added then.
func (b *Builder) AddDelegated(name string, r io.Reader) error {
	d := delegated{faultList: faultList{file: name}, systems: map[string]uint32{}, builder: b}
	before := b.Stats
	if err := d.read(r); err != nil {
		b.Stats = before
		return err
	}
	var l layer
	for _, one := range d.ranges {
		if asn := d.systems[one.holder]; asn != 0 && asn != several {
			one.asn, one.span.holder = asn, true
		}
		b.add(&l, one.span)
	}
	b.layers = append(b.layers, l)
	return nil
}

// several stands for the AS of a holder of more than one: a number that is reserved
// (RFC 7300).
const several = 1<<32 - 1

// delegated reads one file.
type delegated struct {
	faultList
	builder *Builder
	line    int
	version bool
	records int // that the header counts
	seen    int
	// summaries are counted, too, as it is not known that every registry leaves them out
	// of what its header counts.
	summaries int
	ranges    []held
	systems   map[string]uint32 // by holder
}

// held is a range with its holder.
type held struct {
	span
	holder string
}

func (d *delegated) read(r io.Reader) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxBuildLine)
	for scanner.Scan() {
		d.line++
		text := strings.TrimSpace(scanner.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.Split(text, "|")
		switch {
		case !d.version:
			d.header(fields)
		case len(fields) == 6 && fields[5] == "summary":
			d.summaries++
		default:
			d.record(fields)
		}
		if d.line == 1 && d.any() {
			return d.err() // some other file: each line would be wrong
		}
	}
	if err := scanner.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line of more than %d bytes", maxBuildLine)
		}
		return fmt.Errorf("%s:%d:1: %w", d.file, d.line+1, err)
	}
	switch {
	case !d.version:
		d.add(1, 1, "fetch it again", "nothing in the file")
	case d.seen+d.summaries < d.records:
		d.add(d.line, 1, "it was cut off: fetch it again", "%d records, but its first line counts %d", d.seen, d.records)
	}
	return d.err()
}

// header reads "2|ripencc|20240601|123456|19830705|20240531|+0200".
func (d *delegated) header(fields []string) {
	d.version = true
	if len(fields) != 7 || !strings.HasPrefix(fields[0], "2") {
		d.add(d.line, 1, "give the file delegated-*-extended-latest of a registry",
			"not the first line of a delegated file of version 2")
		return
	}
	records, err := strconv.Atoi(fields[3])
	if err != nil || records < 0 {
		d.add(d.line, 1, "fetch it again", "bad count of records %q", fields[3])
		return
	}
	d.records = records
}

// record reads "registry|country|type|start|value|date|status[|holder]".
func (d *delegated) record(fields []string) {
	d.seen++
	if len(fields) < 7 {
		d.add(d.line, 1, "fetch it again", "%d columns instead of 7 or more", len(fields))
		return
	}
	kind, start, value, status := fields[2], fields[3], fields[4], fields[6]
	holder := ""
	if len(fields) > 7 && fields[7] != "" {
		holder = fields[0] + "|" + fields[7]
	}
	if status != "allocated" && status != "assigned" {
		d.builder.Stats.Skipped++ // "available", "reserved": nobody's
		return
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		d.bad(fields, 4, "bad value %q", value)
		return
	}
	switch kind {
	case "asn":
		d.system(fields, holder, start, n)
	case "ipv4", "ipv6":
		addresses, ok := delegatedRange(kind, start, n)
		if !ok {
			d.bad(fields, 3, "%s with the value %s is no range of "+kind, start, value)
			return
		}
		d.ranges = append(d.ranges, held{span{addresses: addresses, country: countryCode(fields[1]), registered: true}, holder})
	default:
		d.bad(fields, 2, "unknown type %q", kind)
	}
}

// bad records a fault of the column number i, from 0.
func (d *delegated) bad(fields []string, i int, format string, args ...any) {
	column := 1 + len([]rune(strings.Join(fields[:i], "|"))) + 1
	d.add(d.line, column, "fetch it again", format, args...)
}

// system notes whose an AS is; n is how many follow each other.
func (d *delegated) system(fields []string, holder, start string, n uint64) {
	d.builder.Stats.Skipped++
	asn, ok := parseASN(start)
	if !ok {
		d.bad(fields, 3, "bad AS number %q", start)
		return
	}
	if holder == "" {
		return
	}
	if _, other := d.systems[holder]; other || n != 1 {
		asn = several
	}
	d.systems[holder] = asn
}

// delegatedRange returns a range of IPv4, whose value is the number of addresses and no
// power of 2 always, or of IPv6, whose value is the length of a prefix.
func delegatedRange(kind, start string, value uint64) (netipx.IPRange, bool) {
	from, err := netip.ParseAddr(start)
	if err != nil || from.Is4() != (kind == "ipv4") || from.Zone() != "" || from.Is4In6() {
		return netipx.IPRange{}, false
	}
	if kind == "ipv6" {
		if value < 1 || value > 128 {
			return netipx.IPRange{}, false
		}
		return netipx.RangeOfPrefix(netip.PrefixFrom(from, int(value))), true
	}
	b := from.As4()
	last := uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	if value < 1 || value > 1<<32-last {
		return netipx.IPRange{}, false
	}
	last += value - 1
	to := netip.AddrFrom4([4]byte{byte(last >> 24), byte(last >> 16), byte(last >> 8), byte(last)})
	return netipx.IPRangeFrom(from, to), true
}
