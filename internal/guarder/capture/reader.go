package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Reader reads the frames of a capture one by one.
type Reader struct {
	from  *bufio.Reader
	next  func() (Record, error)
	count int // frames read
}

// NewReader reads the beginning of a capture. The error says what the file is, if
// it is none.
func NewReader(from io.Reader) (*Reader, error) {
	r := &Reader{from: bufio.NewReader(from)}
	magic, err := r.from.Peek(4)
	if err == io.EOF {
		return nil, errors.New("no capture: the file has less than 4 bytes")
	}
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(magic) == blockSection {
		ng := &pcapng{from: r.from}
		r.next = ng.next
		return r, ng.section()
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if unit := unitOf(order.Uint32(magic)); unit != 0 {
			classic := &pcap{from: r.from, order: order, unit: unit}
			r.next = classic.next
			return r, classic.header()
		}
	}
	return nil, fmt.Errorf("neither pcap nor pcapng: the file begins with %x", magic)
}

// Next returns the next frame, or [io.EOF] behind the last one. Its memory is the
// caller's. After another error nothing more can be read.
func (r *Reader) Next() (Record, error) {
	record, err := r.next()
	if err == io.EOF {
		return Record{}, io.EOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends within it")
	}
	r.count++
	if err != nil {
		return Record{}, fmt.Errorf("frame %d: %w", r.count, err)
	}
	return record, nil
}

// header reads n bytes at the beginning of a file.
func header(from io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(from, b); err != nil {
		return nil, fmt.Errorf("the file ends within its header of %d bytes", n)
	}
	return b, nil
}

// onlyEthernet refuses other link types. The numbers are of the registry at
// https://www.tcpdump.org/linktypes.html.
func onlyEthernet(linkType uint32) error {
	if linkType == ethernet {
		return nil
	}
	hint := "capture on an Ethernet device"
	switch linkType {
	case 113, 276: // Linux cooked
		hint = `capture on one device instead of "any"`
	case 12, 14, 101, 228, 229:
		hint = "these are packets without Ethernet header, as of a tunnel"
	}
	return fmt.Errorf("link type %d is not Ethernet (1); %s", linkType, hint)
}
