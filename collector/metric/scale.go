package metric

import "math"

// A Scale says how the values of a histogram fall into slots, and which of the
// slots' bounds are the bounds of the classic buckets.
//
// Slot 0 is the zero bucket of the native histogram: values from 0 up to
// ZeroThreshold. Slot i above it is the native bucket with index First+i, whose
// inclusive upper bound is 2^((First+i) / 2^Schema). The last slot also holds
// everything above its bound, which only the native histogram understates.
type Scale struct {
	// Schema is the exponent of the native histogram: an octave has 2^Schema
	// buckets.
	Schema int32
	// First is the native bucket index that slot 0 would have.
	First int
	// Slots is the number of slots.
	Slots int
	// ZeroThreshold is the upper bound of slot 0.
	ZeroThreshold float64
	// Bounds are the classic bounds in increasing order, without +Inf.
	Bounds []float64

	// slots[i] is the slot whose upper bound is Bounds[i].
	slots []int
}

// Durations is the scale of all durations, in seconds: four slots per octave
// from 2^-24 s (60 ns) to 2^7.75 s, with a classic bound at every second octave
// from 2^-20 s (1 µs) to 4 s. It is the scale of the slots that the kernel
// programs count in.
var Durations = newScale(Scale{
	Schema:        2,
	First:         -96,
	Slots:         128,
	ZeroThreshold: math.Exp2(-24),
	Bounds:        octaves(-20, 2, 2),
})

// Stages is the scale of the time that a packet spends in one stage, in seconds: the
// slots of Durations, with classic bounds from 1 µs to 0.25 s. Its families have the
// most label sets, and each bound is a series for each of those.
var Stages = newScale(Scale{
	Schema:        Durations.Schema,
	First:         Durations.First,
	Slots:         Durations.Slots,
	ZeroThreshold: Durations.ZeroThreshold,
	Bounds:        octaves(-20, -2, 2),
})

// RoundTrips is the scale of round trips through the network, in seconds: eight slots
// per octave, as a delay is told apart by a tenth, from 2^-17 s (7.6 µs) to 8 s. It is
// the scale that package locator counts in. The classic bounds are dense where round
// trips between cities and continents are, from 4 ms to 1 s.
var RoundTrips = newScale(Scale{
	Schema:        3,
	First:         -17 << 3,
	Slots:         162,
	ZeroThreshold: math.Exp2(-17),
	Bounds:        append(octaves(-13, -9, 2), octaves(-8, 0, 1)...),
})

// Answers is the scale of what waits for answers of other servers, in seconds: the slots of
// Durations, with classic bounds from 1/4 s to 128 s, as language models on a small machine
// need minutes.
var Answers = newScale(Scale{
	Schema:        Durations.Schema,
	First:         Durations.First,
	Slots:         Durations.Slots,
	ZeroThreshold: Durations.ZeroThreshold,
	Bounds:        octaves(-2, 7, 1),
})

// PollSizes is the scale of packets per NAPI poll: 0, 1, 2, 4, ... 1024, more.
// The classic bounds end at 128 because the kernel's budget for one poll is 64
// (NAPI_POLL_WEIGHT in include/linux/netdevice.h) unless a driver asks for more.
var PollSizes = newScale(Scale{
	Schema: 0,
	First:  -1,
	Slots:  13,
	Bounds: append([]float64{0}, octaves(0, 7, 1)...),
})

// octaves returns 2^from, 2^(from+step), ... 2^to.
func octaves(from, to, step int) []float64 {
	var bounds []float64
	for e := from; e <= to; e += step {
		bounds = append(bounds, math.Exp2(float64(e)))
	}
	return bounds
}

// newScale finds the slots that end at the classic bounds.
func newScale(s Scale) *Scale {
	for _, bound := range s.Bounds {
		slot := 0
		if bound > s.ZeroThreshold {
			// Exact, because the bounds are powers of two.
			slot = int(math.Log2(bound)*math.Exp2(float64(s.Schema))) - s.First
		}
		s.slots = append(s.slots, slot)
	}
	return &s
}

// UpperBound returns the inclusive upper bound of a slot, which is +Inf for the
// last one.
func (s *Scale) UpperBound(slot int) float64 {
	switch {
	case slot == 0:
		return s.ZeroThreshold
	case slot >= s.Slots-1:
		return math.Inf(1)
	}
	return math.Exp2(float64(s.First+slot) / math.Exp2(float64(s.Schema)))
}
