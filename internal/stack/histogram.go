package stack

import (
	"math"
	"net/netip"
	"time"
)

// Slots is the number of slots of a [Histogram].
const Slots = 128

// SlotSchema is the Prometheus native histogram schema that the slots follow:
// four per octave, each 2^(1/4) wider than the one before.
const SlotSchema = 2

// SlotOffset is the native bucket index of slot 0. Slot i is the native bucket
// with index i+SlotOffset, whose upper bound is 2^((i+SlotOffset)/4) seconds.
const SlotOffset = -96

// UpperBound returns the inclusive upper bound of slot i in seconds.
//
// Slot 0 also holds everything shorter, down to zero; 2^-24 s is about 60 ns.
// The last slot also holds everything longer, so its bound is +Inf.
func UpperBound(i int) float64 {
	if i >= Slots-1 {
		return math.Inf(1)
	}
	return math.Exp2(float64(i+SlotOffset) / 4)
}

// A Histogram counts durations since attach. The zero value is empty.
type Histogram struct {
	// Buckets[i] counts durations d with UpperBound(i-1) < d <= UpperBound(i).
	Buckets [Slots]uint64
	// SumSeconds is the sum of all durations, exact to a nanosecond.
	SumSeconds float64
	// Slowest is a recent slow packet, nil if none was caught.
	Slowest *Exemplar
}

// Count returns the number of durations.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, c := range h.Buckets {
		n += c
	}
	return n
}

// An Exemplar is one packet that was slow.
type Exemplar struct {
	// Source and Destination are as the packet carries them; the port is 0 if
	// the protocol has none or it could not be read.
	Source, Destination netip.AddrPort
	Duration            time.Duration
	// Time is when the packet was measured, by the wall clock.
	Time time.Time
}
