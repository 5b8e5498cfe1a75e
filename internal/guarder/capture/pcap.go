package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// A pcap is a classic capture.
type pcap struct {
	from  io.Reader
	order binary.ByteOrder
	unit  time.Duration // of the second half of a time
}

// unitOf returns what a magic number says, 0 if it is none.
func unitOf(magic uint32) time.Duration {
	switch magic {
	case 0xa1b2c3d4:
		return time.Microsecond
	case 0xa1b23c4d:
		return time.Nanosecond
	}
	return 0
}

func (p *pcap) header() error {
	b, err := header(p.from, 24)
	if err != nil {
		return err
	}
	if major := p.order.Uint16(b[4:]); major != 2 {
		return fmt.Errorf("pcap version %d.%d is not known, only 2.4", major, p.order.Uint16(b[6:]))
	}
	return onlyEthernet(p.order.Uint32(b[20:]) & 0x0fff_ffff) // the rest is about check sequences
}

func (p *pcap) next() (Record, error) {
	var b [16]byte
	if _, err := io.ReadFull(p.from, b[:]); err != nil {
		return Record{}, err
	}
	seconds, fraction := p.order.Uint32(b[:]), p.order.Uint32(b[4:])
	size, length := p.order.Uint32(b[8:]), p.order.Uint32(b[12:])
	if size > maxFrame {
		return Record{}, fmt.Errorf("it claims %d bytes, more than %d; the file is damaged", size, maxFrame)
	}
	r := Record{
		Time:   time.Unix(int64(seconds), int64(fraction)*int64(p.unit)).UTC(),
		Frame:  make([]byte, size),
		Length: int(length),
	}
	if _, err := io.ReadFull(p.from, r.Frame); err != nil {
		return Record{}, io.ErrUnexpectedEOF
	}
	return r, nil
}
