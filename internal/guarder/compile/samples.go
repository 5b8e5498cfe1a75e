package compile

import (
	"math"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// samples tells whether anything is copied to user space.
func (t *Tables) samples(most float64) bool {
	return most > 0 && (t.Samples != nil || t.UnparsableSamples != nil)
}

// samplings returns the table guard_samplings: with an entry for each rule, as the program
// keeps indices inside by a mask.
func (t *Tables) samplings(most float64) []bpf.GuardSampling {
	if !t.samples(most) {
		return make([]bpf.GuardSampling, 1)
	}
	all := make([]bpf.GuardSampling, bpf.GuardSamplingRules+len(t.Credits))
	all[bpf.GuardSamplingAll] = samplingOf(policy.Sampling{Rate: most})
	if t.UnparsableSamples != nil {
		all[bpf.GuardSamplingUnparsable] = samplingOf(*t.UnparsableSamples)
	}
	for r, s := range t.Samples {
		if s != nil {
			all[bpf.GuardSamplingRules+r] = samplingOf(*s)
		}
	}
	return padded(all)
}

// samplingOf lets as many packets through at once as the rate says for a second, or
// one.
func samplingOf(s policy.Sampling) bpf.GuardSampling {
	interval := uint64(math.Ceil(float64(time.Second) / s.Rate))
	burst := uint64(math.Max(s.Rate, 1))
	return bpf.GuardSampling{Interval: interval, Burst: (burst - 1) * interval, Snap: uint32(s.Snap)}
}

// samples notes what is copied to user space.
func (c *compiler) samples() {
	asks := func(s *policy.Sampling) bool { return s != nil && s.Rate > 0 }
	if asks(c.policy.UnparsableSample) {
		c.t.UnparsableSamples = c.policy.UnparsableSample
	}
	for i := range c.policy.Rules {
		if s := c.policy.Rules[i].Sample; asks(s) {
			if c.t.Samples == nil {
				c.t.Samples = make([]*policy.Sampling, len(c.policy.Rules))
			}
			c.t.Samples[i] = s
		}
	}
}
