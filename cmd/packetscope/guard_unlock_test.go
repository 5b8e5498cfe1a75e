package main

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
)

func TestStatusShowsWhatWasLearnt(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	other, since := guarder.MAC{2, 0, 0, 0, 0, 0x66}, now.Add(-time.Minute)
	s := guarder.Status{Learning: []guarder.LearningStatus{{
		Set: "gateways",
		Bound: []guarder.BindingStatus{
			{IP: netip.MustParseAddr("192.0.2.254"), Device: "eth0", MAC: guarder.MAC{2, 0, 0, 0, 0, 0xfe}, Since: now.Add(-time.Hour), Other: &other, OtherSince: &since},
			{IP: netip.MustParseAddr("fe80::fe"), Device: "eth0", MAC: guarder.MAC{2, 0, 0, 0, 0, 0xfe}, Since: now.Add(-time.Hour)},
		},
		Waiting: []netip.Addr{netip.MustParseAddr("192.0.2.253")}, Changes: 3,
	}}}
	var out bytes.Buffer
	if err := printLearning(&out, s, now); err != nil {
		t.Fatal(err)
	}
	want := `LEARNT    ADDRESS      DEVICE  MAC                AGE     STATE
gateways  192.0.2.254  eth0    02:00:00:00:00:fe  1h0m0s  THE KERNEL BELIEVES 02:00:00:00:00:66 SINCE 1m0s
gateways  fe80::fe     eth0    02:00:00:00:00:fe  1h0m0s  locked
gateways  192.0.2.253  -       -                  -       waiting for an answer of it
gateways: 3 changes of what the kernel believes since the agent started
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
