package packet

import (
	"bytes"
	"encoding/binary"
	"iter"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// claims yields the frame with each length that its IP header could claim, up to some
// bytes more than there are. The frame is the same one each time.
func (s *specimen) claims() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !s.frame.Source.IsValid() || len(s.frame.Tags) > MaxTags {
			return
		}
		frame := s.frame.Bytes()
		ip := ethernetHeader + tagHeader*len(s.frame.Tags)
		at, least := ip+2, 0
		if s.frame.Source.Is6() {
			at, least = ip+4, ipv6Header
		}
		for n := least; n < len(frame)-ip+10; n++ {
			binary.BigEndian.PutUint16(frame[at:], uint16(n-least))
			if !yield(frame) {
				return
			}
		}
	}
}

// What is left of a frame tells the same as the whole frame or is a fault; only the
// payload, the quoted packet and the options of an advertisement may be cut.
func TestCutFrameTellsNothingElse(t *testing.T) {
	for _, s := range specimens() {
		t.Run(s.name, func(t *testing.T) {
			frame := s.frame.Bytes()
			whole := Parse(frame)
			readable := len(frame) + 1 // the shortest length that can be read
			for n := len(frame) - 1; n >= 0; n-- {
				p := Parse(frame[:n:n])
				if p.Reason == OK && whole.Reason != OK {
					continue // the fault was in what is cut
				}
				if p.Reason == OK {
					readable = n
					if diff := cmp.Diff(withoutPayload(whole), withoutPayload(p), same); diff != "" {
						t.Fatalf("%d of %d bytes (-whole +cut)\n%s", n, len(frame), diff)
					}
					if !bytes.HasPrefix(whole.Payload, p.Payload) {
						t.Fatalf("%d of %d bytes have payload %x", n, len(frame), p.Payload)
					}
					continue
				}
				if p.Reason != Truncated && p.Reason != whole.Reason {
					t.Fatalf("%d of %d bytes: %v, want truncated", n, len(frame), p.Reason)
				}
				if p.HasPorts || p.ICMP != nil || p.ARP != nil || p.Payload != nil {
					t.Fatalf("%d of %d bytes: %v, with what is behind the fault: %+v", n, len(frame), p.Reason, p)
				}
			}
			for n := readable; n < len(frame); n++ {
				if p := Parse(frame[:n]); p.Reason != OK {
					t.Fatalf("%d bytes are readable, %d are %v", readable, n, p.Reason)
				}
			}
		})
	}
}

func withoutPayload(p Packet) Packet {
	p.Payload = nil
	if p.ICMP != nil {
		m := *p.ICMP
		m.Quoted = nil
		m.LinkAddress, m.HasLinkAddress = [6]byte{}, false
		p.ICMP = &m
	}
	return p
}

// A frame whose IP header claims less reads like one that ends there, whatever
// follows.
func TestNothingBehindTheClaimedLengthIsRead(t *testing.T) {
	for _, s := range specimens() {
		ip := ethernetHeader + tagHeader*len(s.frame.Tags)
		for frame := range s.claims() {
			p := Parse(frame)
			end := ip + int(p.Length)
			if p.Family == 0 || end >= len(frame) {
				continue
			}
			if p.Reason == TinyFragment {
				p.Reason = Truncated // as it is in a frame that ends
			}
			other := bytes.Clone(frame)
			for i := range other[end:] {
				other[end+i] ^= 0xff
			}
			changed := Parse(other)
			if changed.Reason == TinyFragment {
				changed.Reason = Truncated
			}
			if !reflect.DeepEqual(p, changed) {
				t.Fatalf("%s: the %d bytes behind the end of the packet change (-is +other)\n%s", s.name, len(frame)-end, cmp.Diff(p, changed, same))
			}
			cut := Parse(frame[:end:end])
			if cut.Reason == TinyFragment {
				cut.Reason = Truncated
			}
			if !reflect.DeepEqual(p, cut) {
				t.Fatalf("%s of %d bytes, in a frame of %d (-claimed +cut)\n%s", s.name, p.Length, len(frame), cmp.Diff(p, cut, same))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range specimens() {
		f.Add(s.frame.Bytes())
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Parse(frame[:len(frame):len(frame)])
		if p.Reason >= Reasons {
			t.Errorf("reason %d", p.Reason)
		}
		if len(p.Payload) > MaxPayload || len(p.Tags) > MaxTags {
			t.Errorf("more than there may be: %+v", p)
		}
		if p.Reason != OK && (p.HasPorts || p.ICMP != nil || p.ARP != nil || p.Payload != nil) {
			t.Errorf("%v, with what is behind the fault: %+v", p.Reason, p)
		}
		if (p.Family == 0) != !p.Source.IsValid() || p.Family == 0 && p.Protocol != 0 {
			t.Errorf("half an IP header: %+v", p)
		}
	})
}
