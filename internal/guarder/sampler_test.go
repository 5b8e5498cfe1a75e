//go:build linux

package guarder

import (
	"fmt"
	"testing"

	"github.com/packetscope/packetscope/bpf"
)

// TestSamplerForgetsDevices has containers come and go: a device that is gone has its name
// for a while, and not for good.
func TestSamplerForgetsDevices(t *testing.T) {
	s := &sampler{}
	of := func(index int) string {
		return s.sample(bpf.GuardSample{Device: uint32(index), Slot: noRule}, morning, nil).Device
	}
	for i := 10; i < 1010; i++ {
		s.name(map[string]int{"eth0": 2, fmt.Sprint("veth", i): i})
	}
	for index, want := range map[int]string{2: "eth0", 1009: "veth1009", 1008: "veth1008", 1007: "if1007"} {
		if got := of(index); got != want {
			t.Errorf("device %d is %q, want %q", index, got, want)
		}
	}
	if n := len(s.devices) + len(s.before); n != 4 {
		t.Errorf("%d names are known", n)
	}
}
