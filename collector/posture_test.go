package collector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/posture"
)

// postureReader is a host that does not change.
type postureReader struct {
	report posture.Report
	err    error
}

func (r postureReader) Report() (posture.Report, error) { return r.report, r.err }

// checkNamed returns a check by its name.
func checkNamed(name string) posture.Check {
	for _, c := range posture.Checks() {
		if c.Name == name {
			return c
		}
	}
	panic("no check " + name)
}

// fullPosture has a finding of each kind.
func fullPosture() posture.Report {
	return posture.Report{
		Findings: []posture.Finding{
			{Check: checkNamed("rp_filter"), Device: "eth0", Example: "eth0", State: posture.OK, Value: 2},
			{Check: checkNamed("rp_filter"), Device: posture.Veths, Example: "veth7", State: posture.Exposed},
			{Check: checkNamed("ipv6_forwarding"), Device: "eth0", Example: "eth0", State: posture.Unknown, Value: 1},
			{Check: checkNamed("tcp_timestamps"), State: posture.Exposed, Value: 2},
			{Check: checkNamed(posture.BPFJITHarden), Reason: "read /proc/sys/net/core/bpf_jit_harden: permission denied"},
		},
		IPv4: &posture.Exceptions{All: 23, Floor: 2}, IPv6: &posture.Exceptions{All: 5},
	}
}

// collectPosture returns the samples of the collector, less their common prefix.
func collectPosture(t *testing.T, r PostureReader) []string {
	t.Helper()
	var got []string
	for _, line := range samples(expose(t, NewSet(quiet, stopped, NewPosture(r)))) {
		if rest, ok := strings.CutPrefix(line, "packetscope_posture_"); ok {
			got = append(got, rest)
		}
	}
	return got
}

func TestPostureTellsStatesAndValues(t *testing.T) {
	want := []string{
		`pmtu_exceptions{family="ipv4",mtu="above"} 21`, `pmtu_exceptions{family="ipv4",mtu="floor"} 2`,
		`pmtu_exceptions{family="ipv6",mtu="above"} 5`, `pmtu_exceptions{family="ipv6",mtu="floor"} 0`,
		`state{check="bpf_jit_harden",device="",state="unknown"} 1`,
		`state{check="ipv6_forwarding",device="eth0",state="unknown"} 1`,
		`state{check="rp_filter",device="eth0",state="ok"} 1`,
		`state{check="rp_filter",device="veth",state="exposed"} 1`,
		`state{check="tcp_timestamps",device="",state="exposed"} 1`,
		`value{check="ipv6_forwarding",device="eth0"} 1`,
		`value{check="rp_filter",device="eth0"} 2`,
		`value{check="tcp_timestamps",device=""} 2`,
	}
	if diff := cmp.Diff(want, collectPosture(t, postureReader{report: fullPosture()})); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

func TestExceptionsThatCannotBeReadAreAbsent(t *testing.T) {
	r := fullPosture()
	r.IPv4 = nil
	for _, line := range collectPosture(t, postureReader{report: r}) {
		if strings.Contains(line, `family="ipv4"`) {
			t.Errorf("got %s", line)
		}
	}
}

func TestPostureThatCannotBeReadSendsNothing(t *testing.T) {
	if got := collectPosture(t, postureReader{fullPosture(), errBroken}); got != nil {
		t.Errorf("got %q", got)
	}
}

// hostPosture has as many devices as are told apart.
func hostPosture(h Host) postureReader {
	r := posture.Report{IPv4: &posture.Exceptions{}, IPv6: &posture.Exceptions{}}
	for _, c := range posture.Checks() {
		devices := []string{""}
		if c.Scope != posture.Whole {
			devices = nil
			for i := range min(h.Devices, posture.MaxDevices+2) {
				devices = append(devices, fmt.Sprint("eth", i))
			}
		}
		for _, device := range devices {
			r.Findings = append(r.Findings, posture.Finding{Check: c, Device: device, Example: device, State: posture.OK})
		}
	}
	return postureReader{report: r}
}
