// Package capture reads and writes files of captured Ethernet frames: pcap
// (draft-ietf-opsawg-pcap) with times in microseconds or nanoseconds, and pcapng
// (draft-ietf-opsawg-pcapng), in both byte orders.
//
// A [Reader] finds out by itself which of them a file is. Only Ethernet is read:
// what was captured on the device "any" has no Ethernet header, and Guarder sees
// frames only. A [Writer] writes pcapng, with the device, a comment and the verdict for
// each frame; [Files] are several captures that take turns, so that they do not grow
// without end.
package capture

import "time"

// A Record is a frame in a capture.
type Record struct {
	// Time is when it was captured. It is zero if the file does not say.
	Time time.Time
	// Frame is what was kept of the frame.
	Frame []byte
	// Length is how long the frame was on the wire.
	Length int
	// Interface is the device's name, if known.
	Interface string
	// Comment is a note on the frame; pcap has none.
	Comment string
	// Verdict is what an XDP program returned for the frame (XDP_DROP is 1, XDP_PASS
	// is 2); 0 if that is not known.
	Verdict uint64
}

// ethernet is LINKTYPE_ETHERNET.
const ethernet = 1

// maxFrame is the longest frame that is read or written, MAXIMUM_SNAPLEN of libpcap.
// A file that claims more is damaged, and would cost much memory.
const maxFrame = 262_144
