package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxLine is the length of the longest line, with its end. A checkpoint with 16 hops at
// each of 64 TTLs, and all of them in the baseline, has less than half of it.
const maxLine = 1 << 20

// A head is what all kinds of records have.
type head struct {
	Kind Kind      `json:"kind"`
	At   time.Time `json:"at"`
	Key
}

// encode returns the line of a record.
func encode(r Record) ([]byte, error) {
	if r.When().IsZero() || r.Path().Dest == "" {
		return nil, fmt.Errorf("%s without a time or a destination", r.kind())
	}
	var line any
	switch r := r.bounded().(type) {
	case Checkpoint:
		line = struct {
			Kind Kind `json:"kind"`
			Checkpoint
		}{KindCheckpoint, r}
	case Event:
		line = struct {
			Kind Kind `json:"kind"`
			Event
		}{KindEvent, r}
	}
	data, err := json.Marshal(line)
	if err != nil {
		return nil, fmt.Errorf("encode %s of %q: %w", r.kind(), r.Path().Dest, err)
	}
	return append(data, '\n'), nil
}

// decodeHead reads what all kinds have. Whether the rest of the line is right, apart from
// its syntax, is not known then.
func decodeHead(line []byte) (head, error) {
	var h head
	if err := json.Unmarshal(line, &h); err != nil {
		return head{}, err
	}
	known := h.Kind == KindCheckpoint || h.Kind == KindEvent
	if h.Kind == "" || known && (h.At.IsZero() || h.Dest == "") {
		return head{}, errors.New("no kind, time or destination")
	}
	return h, nil
}

// decode reads a line of a kind. It returns nil for a kind that it does not know.
func decode(kind Kind, line []byte) (Record, error) {
	switch kind {
	case KindCheckpoint:
		var c Checkpoint
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, err
		}
		return c.bounded(), nil
	case KindEvent:
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		return e.bounded(), nil
	}
	return nil, nil
}

var (
	errTorn = errors.New("the line has no end")
	errLong = fmt.Errorf("the line has more than %d bytes", maxLine)
)

// lines reads line after line.
type lines struct {
	buffered *bufio.Reader
	line     []byte // of what does not fit into the buffer
	number   int    // of the line before
}

func newLines(r io.Reader) *lines { return &lines{buffered: bufio.NewReaderSize(r, 64<<10)} }

// next returns a line, valid until the next call, or one of errLong, after which the next
// line can be read, errTorn, after which there is none, io.EOF, and errors of the file.
func (l *lines) next() ([]byte, error) {
	piece, err := l.buffered.ReadSlice('\n')
	if err == io.EOF && len(piece) == 0 {
		return nil, io.EOF
	}
	l.number++
	line, size := piece, len(piece)
	if err == bufio.ErrBufferFull {
		l.line = l.line[:0]
		for err == bufio.ErrBufferFull {
			l.keep(piece)
			piece, err = l.buffered.ReadSlice('\n')
			size += len(piece)
		}
		l.keep(piece)
		line = l.line
	}
	switch {
	case err == io.EOF:
		return nil, errTorn
	case err != nil:
		return nil, err
	case size > maxLine:
		return nil, errLong
	}
	return line[:len(line)-1], nil
}

// keep adds a piece to the line, as long as that may still be one.
func (l *lines) keep(piece []byte) {
	if len(l.line)+len(piece) <= maxLine {
		l.line = append(l.line, piece...)
	}
}
