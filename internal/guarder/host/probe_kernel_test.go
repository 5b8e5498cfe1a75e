//go:build kernel && linux

package host

import (
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
)

// TestThisKernelCanGuard is for all kernels of the lanes.
func TestThisKernelCanGuard(t *testing.T) {
	p := policy.Policy{Rules: []policy.Rule{{Match: policy.Payload{At: 1, Values: [][]byte{{1, 2}}}, Action: policy.Drop, Mode: policy.Enforce}}}
	facts := new(Facts).Probe(&p)
	for _, f := range facts {
		if f.Outcome != kernel.Yes {
			t.Errorf("%+v", f)
		}
	}
	if len(facts) != 10 {
		t.Errorf("%d facts", len(facts))
	}
	facts = new(Facts).Probe(nil)
	for _, f := range facts {
		if f.Outcome != kernel.Yes {
			t.Errorf("%+v", f)
		}
	}
	if len(facts) != 11 { // no policy of its own, and what others may need
		t.Errorf("%d facts", len(facts))
	}
}
