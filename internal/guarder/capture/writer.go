package capture

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A Writer writes a capture in pcapng, with times in nanoseconds. It is not safe
// for several goroutines at once.
type Writer struct {
	to         io.Writer
	interfaces map[string]uint32
}

// NewWriter begins a capture, and notes which application writes it.
func NewWriter(to io.Writer, application string) (*Writer, error) {
	w := &Writer{to: to, interfaces: map[string]uint32{}}
	body := binary.LittleEndian.AppendUint32(nil, byteOrder)
	body = append(body, 1, 0, 0, 0)                           // version 1.0
	body = binary.LittleEndian.AppendUint64(body, ^uint64(0)) // the section's length is not known
	body = appendOption(body, optionUser, application)
	return w, w.block(blockSection, appendOption(body, optionEnd, ""))
}

// Write adds a frame in one call of the underlying Write, or in two if its interface
// is new, so that a file is whole after each call. A Length of 0 is that of the Frame.
func (w *Writer) Write(r Record) error {
	if len(r.Frame) > maxFrame {
		return fmt.Errorf("frame of %d bytes is longer than %d", len(r.Frame), maxFrame)
	}
	index, known := w.interfaces[r.Interface]
	if !known {
		index = uint32(len(w.interfaces))
		if err := w.describe(r.Interface); err != nil {
			return err
		}
		w.interfaces[r.Interface] = index
	}
	var ticks uint64
	if !r.Time.IsZero() {
		ticks = uint64(r.Time.UnixNano())
	}
	body := binary.LittleEndian.AppendUint32(nil, index)
	body = binary.LittleEndian.AppendUint32(body, uint32(ticks>>32))
	body = binary.LittleEndian.AppendUint32(body, uint32(ticks))
	body = binary.LittleEndian.AppendUint32(body, uint32(len(r.Frame)))
	body = binary.LittleEndian.AppendUint32(body, uint32(max(r.Length, len(r.Frame))))
	body = pad(append(body, r.Frame...))
	if r.Comment != "" {
		body = appendOption(body, optionComment, r.Comment)
	}
	if r.Verdict != 0 {
		verdict := binary.LittleEndian.AppendUint64([]byte{verdictXDP}, r.Verdict)
		body = appendOption(body, optionVerdict, string(verdict))
	}
	if r.Comment != "" || r.Verdict != 0 {
		body = appendOption(body, optionEnd, "")
	}
	return w.block(blockEnhanced, body)
}

// room returns how many bytes a frame takes in a capture, that of its interface
// included, or some more.
func (r Record) room() int {
	const blocks, options = 2 * 32, 3 * 16 // with all that has a fixed size
	return blocks + options + padded(len(r.Frame)) + padded(len(r.Comment)) + padded(len(r.Interface))
}

func (w *Writer) describe(name string) error {
	body := []byte{ethernet, 0, 0, 0}
	body = binary.LittleEndian.AppendUint32(body, maxFrame)
	if name != "" {
		body = appendOption(body, optionName, name)
	}
	body = appendOption(body, optionResolution, "\x09") // 10^-9 s
	return w.block(blockInterface, appendOption(body, optionEnd, ""))
}

func (w *Writer) block(kind uint32, body []byte) error {
	total := uint32(len(body) + 12)
	b := make([]byte, 0, total)
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, total)
	b = append(b, body...)
	b = binary.LittleEndian.AppendUint32(b, total)
	if _, err := w.to.Write(b); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return nil
}

// appendOption adds an option with its padding. An option has at most 65,535 bytes.
func appendOption(b []byte, kind uint16, value string) []byte {
	value = value[:min(len(value), 65_535)]
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...))
}

// pad fills up to whole words.
func pad(b []byte) []byte {
	return append(b, make([]byte, padded(len(b))-len(b))...)
}
