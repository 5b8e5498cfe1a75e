package collector

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
)

// guardedDevice is a device with what became of its packets.
func guardedDevice(name string, pass, drop uint64) guarder.DeviceStatus {
	return guarder.DeviceStatus{Name: name, Hook: guarder.Native, Verdicts: map[string]guarder.Counts{"pass": counted(pass), "drop": counted(drop)}}
}

// TestPacketsOfDevicesAddUp takes devices away and brings them back: what they counted is
// no news of others, and neither is what was counted before the exporter started.
func TestPacketsOfDevicesAddUp(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	for _, step := range []struct {
		what       string
		pass, drop uint64
		devices    []guarder.DeviceStatus
		want       map[string]float64
	}{
		{"the exporter starts", 100, 10, []guarder.DeviceStatus{guardedDevice("eth0", 60, 4), guardedDevice("eth1", 30, 6)},
			map[string]float64{"eth0 pass": 60, "eth0 drop": 4, "eth1 pass": 30, "eth1 drop": 6, "other pass": 0, "other drop": 0}},
		{"eth1 is taken off, and another counts 10", 120, 11, []guarder.DeviceStatus{guardedDevice("eth0", 70, 5)},
			map[string]float64{"eth0 pass": 70, "eth0 drop": 5, "other pass": 10, "other drop": 0}},
		{"eth1 is back", 130, 20, []guarder.DeviceStatus{guardedDevice("eth0", 70, 5), guardedDevice("eth1", 32, 15)},
			map[string]float64{"eth0 pass": 70, "eth0 drop": 5, "eth1 pass": 32, "eth1 drop": 15, "other pass": 18, "other drop": 0}},
		{"eth0 counts between the sum and the devices", 130, 20, []guarder.DeviceStatus{guardedDevice("eth0", 75, 5), guardedDevice("eth1", 32, 15)},
			map[string]float64{"eth0 pass": 75, "eth0 drop": 5, "eth1 pass": 32, "eth1 drop": 15, "other pass": 18, "other drop": 0}},
		{"another device is called eth1", 138, 20, []guarder.DeviceStatus{guardedDevice("eth0", 75, 5), guardedDevice("eth1", 3, 0)},
			map[string]float64{"eth0 pass": 75, "eth0 drop": 5, "eth1 pass": 3, "eth1 drop": 0, "other pass": 18, "other drop": 0}},
	} {
		s.Verdicts = map[string]guarder.Counts{"pass": counted(step.pass), "drop": counted(step.drop)}
		s.Devices = step.devices
		if diff := cmp.Diff(step.want, seriesOfGuarder(t, c, metric.GuarderPackets)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, diff)
		}
	}
	// Counters that were made anew begin anew.
	s.Since, s.Devices = since.Add(time.Minute), nil
	for i := range 2 {
		s.Verdicts = map[string]guarder.Counts{"pass": counted(uint64(1 + i)), "drop": counted(0)}
		if diff := cmp.Diff(map[string]float64{"other pass": float64(i), "other drop": 0}, seriesOfGuarder(t, c, metric.GuarderPackets)); diff != "" {
			t.Errorf("after a new beginning (-want +got):\n%s", diff)
		}
	}
}

// TestDevicesBeyondTheLimitAreOthers keeps the verdicts of more devices than have series,
// and of far more that come and go.
func TestDevicesBeyondTheLimitAreOthers(t *testing.T) {
	s, c := aGuarder(DefaultSeriesLimit)
	drops := uint64(0)
	for round := range 2 * maxKnownDevices / metric.MostGuardDevices {
		s.Devices = nil
		for i := range metric.MostGuardDevices + 10 {
			s.Devices = append(s.Devices, guardedDevice(fmt.Sprintf("veth%d-%d", round, i), 0, 3))
			drops += 3
		}
		s.Verdicts = map[string]guarder.Counts{"pass": counted(0), "drop": counted(drops)}
		got := seriesOfGuarder(t, c, metric.GuarderPackets)
		if want := 2 * (metric.MostGuardDevices + 1); len(got) != want {
			t.Fatalf("round %d: %d series, want %d", round, len(got), want)
		}
		// What the first ten beyond counted was there when the exporter started.
		if n := got["other drop"]; n != float64(30*round) {
			t.Fatalf("round %d: %v packets under other, want %d", round, n, 30*round)
		}
	}
	if known := len(c.(*guarderCollector).devices.known); known > 2*(maxKnownDevices+metric.MostGuardDevices) {
		t.Errorf("%d counts are remembered", known)
	}
}
