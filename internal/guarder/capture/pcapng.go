package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"
)

// Types of blocks; others are skipped.
const (
	blockInterface = 1
	blockSimple    = 3
	blockEnhanced  = 6
	blockSection   = 0x0a0d0d0a // reads the same in both orders
)

// Types of options.
const (
	optionEnd        = 0
	optionComment    = 1
	optionVerdict    = 7  // of a frame
	optionName       = 2  // of an interface
	optionResolution = 9  // of an interface
	optionOffset     = 14 // of an interface
	optionUser       = 4  // of a section: the application
)

const byteOrder = 0x1a2b3c4d

// verdictXDP says that a verdict is that of an XDP program, in 8 bytes.
const verdictXDP = 2

// A pcapng is a capture of blocks. The interfaces are those of the section that is
// being read.
type pcapng struct {
	from       *bufio.Reader
	order      binary.ByteOrder
	interfaces []device
}

// A device is an interface of a section.
type device struct {
	linkType uint32
	snap     uint32 // 0: all was kept
	name     string
	// ticks are how many units of time a second has; offset is in seconds.
	ticks  uint64
	offset int64
}

// section reads a section header, which decides on the byte order.
func (p *pcapng) section() error {
	start, err := header(p.from, 12)
	if err != nil {
		return err
	}
	switch uint32(byteOrder) {
	case binary.LittleEndian.Uint32(start[8:]):
		p.order = binary.LittleEndian
	case binary.BigEndian.Uint32(start[8:]):
		p.order = binary.BigEndian
	default:
		return fmt.Errorf("pcapng section with byte order %x; the file is damaged", start[8:])
	}
	body, err := p.body(p.order.Uint32(start[4:]), 4)
	if err != nil {
		return fmt.Errorf("pcapng section header: %w", err)
	}
	if len(body) < 12 {
		return errors.New("pcapng section header is too short; the file is damaged")
	}
	if major := p.order.Uint16(body); major != 1 {
		return fmt.Errorf("pcapng version %d.%d is not known, only 1.0", major, p.order.Uint16(body[2:]))
	}
	p.interfaces = nil
	return nil
}

// body reads the rest of a block of total bytes: 8 have been read, and the first
// read ones of the body. It returns the others.
func (p *pcapng) body(total uint32, read int) ([]byte, error) {
	const most = maxFrame + 65_536 // a frame with options
	least := uint32(12 + read)
	if total < least || total%4 != 0 || total > most {
		return nil, fmt.Errorf("block of %d bytes; the file is damaged", total)
	}
	b := make([]byte, int(total)-8-read)
	if _, err := io.ReadFull(p.from, b); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	end := len(b) - 4
	if again := p.order.Uint32(b[end:]); again != total {
		return nil, fmt.Errorf("block of %d bytes ends as one of %d; the file is damaged", total, again)
	}
	return b[:end], nil
}

func (p *pcapng) next() (Record, error) {
	for {
		start, err := p.from.Peek(4)
		if err == io.EOF && len(start) > 0 {
			return Record{}, io.ErrUnexpectedEOF
		}
		if err != nil {
			return Record{}, err
		}
		if binary.BigEndian.Uint32(start) == blockSection {
			if err := p.section(); err != nil {
				return Record{}, err
			}
			continue
		}
		var b [8]byte
		if _, err := io.ReadFull(p.from, b[:]); err != nil {
			return Record{}, io.ErrUnexpectedEOF
		}
		kind := p.order.Uint32(b[:])
		body, err := p.body(p.order.Uint32(b[4:]), 0)
		if err != nil {
			return Record{}, err
		}
		switch kind {
		case blockEnhanced:
			return p.enhanced(body)
		case blockSimple:
			return p.simple(body)
		case blockInterface:
			if err := p.describe(body); err != nil {
				return Record{}, err
			}
		}
	}
}

// describe reads an interface.
func (p *pcapng) describe(b []byte) error {
	if len(b) < 8 {
		return errShort
	}
	d := device{linkType: uint32(p.order.Uint16(b)), snap: p.order.Uint32(b[4:]), ticks: 1_000_000}
	err := p.options(b[8:], func(kind uint16, value []byte) error {
		switch {
		case kind == optionName:
			d.name = string(value)
		case kind == optionResolution && len(value) == 1:
			return d.resolve(value[0])
		case kind == optionOffset && len(value) == 8:
			d.offset = int64(p.order.Uint64(value))
		}
		return nil
	})
	p.interfaces = append(p.interfaces, d)
	return err
}

// resolve sets the unit of time: a negative power of 2 with the highest bit, else of 10.
func (d *device) resolve(value byte) error {
	power := value & 0x7f
	if value&0x80 != 0 && power < 64 {
		d.ticks = 1 << power
		return nil
	}
	if value&0x80 == 0 && power < 20 {
		d.ticks = 1
		for range power {
			d.ticks *= 10
		}
		return nil
	}
	return fmt.Errorf("unit of time %#x is finer than 64 bits can tell", value)
}

var errShort = errors.New("its block is too short; the file is damaged")

// enhanced reads a frame with its interface and time.
func (p *pcapng) enhanced(b []byte) (Record, error) {
	if len(b) < 20 {
		return Record{}, errShort
	}
	d, err := p.device(p.order.Uint32(b))
	if err != nil {
		return Record{}, err
	}
	size := p.order.Uint32(b[12:])
	if size > maxFrame || padded(int(size)) > len(b)-20 {
		return Record{}, errShort
	}
	r := Record{
		Time:      d.time(uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:]))),
		Frame:     b[20 : 20+size : 20+size],
		Length:    int(p.order.Uint32(b[16:])),
		Interface: d.name,
	}
	err = p.options(b[20+padded(int(size)):], func(kind uint16, value []byte) error {
		switch {
		case kind == optionComment:
			r.Comment = string(value)
		case kind == optionVerdict && len(value) == 9 && value[0] == verdictXDP:
			r.Verdict = p.order.Uint64(value[1:])
		}
		return nil
	})
	return r, err
}

// simple reads a frame that has nothing but its length.
func (p *pcapng) simple(b []byte) (Record, error) {
	if len(b) < 4 {
		return Record{}, errShort
	}
	d, err := p.device(0)
	if err != nil {
		return Record{}, err
	}
	length := p.order.Uint32(b)
	size := min(length, maxFrame)
	if d.snap != 0 {
		size = min(size, d.snap)
	}
	if int(size) > len(b)-4 {
		return Record{}, errShort
	}
	return Record{Frame: b[4 : 4+size : 4+size], Length: int(length), Interface: d.name}, nil
}

func (p *pcapng) device(index uint32) (device, error) {
	if int64(index) >= int64(len(p.interfaces)) {
		return device{}, fmt.Errorf("its interface %d is not described; the file is damaged", index)
	}
	d := p.interfaces[index]
	return d, onlyEthernet(d.linkType)
}

func (d *device) time(ticks uint64) time.Time {
	seconds, rest := ticks/d.ticks, ticks%d.ticks
	high, low := bits.Mul64(rest, uint64(time.Second))
	nanoseconds, _ := bits.Div64(high, low, d.ticks) // rest < ticks, so this cannot overflow
	return time.Unix(int64(seconds)+d.offset, int64(nanoseconds)).UTC()
}

// options calls found for each option of a block.
func (p *pcapng) options(b []byte, found func(kind uint16, value []byte) error) error {
	for len(b) >= 4 {
		kind, size := p.order.Uint16(b), int(p.order.Uint16(b[2:]))
		if kind == optionEnd {
			break
		}
		if padded(size) > len(b)-4 {
			return errShort
		}
		if err := found(kind, b[4:4+size]); err != nil {
			return err
		}
		b = b[4+padded(size):]
	}
	return nil
}

// padded rounds up to whole words.
func padded(n int) int { return (n + 3) &^ 3 }
