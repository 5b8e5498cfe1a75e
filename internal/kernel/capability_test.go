package kernel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// state is what changes about a capability from host to host.
type state struct {
	Effective bool
	CoveredBy string
	Lost      bool
}

func statesOf(h Host) map[string]state {
	states := map[string]state{}
	for _, c := range h.Capabilities() {
		states[c.Name] = state{c.Effective, c.CoveredBy, c.Without != ""}
	}
	return states
}

func TestCapabilitiesTellWhatIsLost(t *testing.T) {
	absent := state{Lost: true}
	harmless := state{}
	for _, c := range []struct {
		claim string
		held  []string
		want  map[string]state
	}{
		{"an ordinary user loses all that is needed", nil, map[string]state{
			CapBPF: absent, CapPerfmon: absent, CapNetAdmin: absent, CapNetRaw: absent,
			CapSyslog: absent, CapSysAdmin: absent, CapSysResource: harmless, CapSysPtrace: absent,
		}},
		{"CAP_SYS_ADMIN covers its children", []string{CapSysAdmin}, map[string]state{
			CapBPF: {CoveredBy: CapSysAdmin}, CapPerfmon: {CoveredBy: CapSysAdmin},
			CapNetAdmin: {CoveredBy: CapSysAdmin}, CapNetRaw: absent, CapSyslog: absent,
			CapSysAdmin: {Effective: true}, CapSysResource: harmless, CapSysPtrace: absent,
		}},
		{"what is held is not lost", []string{CapBPF, CapPerfmon, CapNetAdmin, CapSyslog, CapNetRaw}, map[string]state{
			CapBPF: {Effective: true}, CapPerfmon: {Effective: true}, CapNetAdmin: {Effective: true},
			CapNetRaw: {Effective: true}, CapSyslog: {Effective: true},
			CapSysAdmin: absent, CapSysResource: harmless, CapSysPtrace: absent,
		}},
	} {
		host := capable(t)
		host.Held = held(c.held...)
		if diff := cmp.Diff(c.want, statesOf(host)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.claim, diff)
		}
	}
}

func TestLockedMemoryMattersOnlyToOldKernels(t *testing.T) {
	host := capable(t)
	host.Held = nil
	old := host.with(map[string]string{"proc/sys/kernel/osrelease": "5.10.0"})
	if got := statesOf(old)[CapSysResource]; !got.Lost {
		t.Errorf("on Linux 5.10 CAP_SYS_RESOURCE is %+v, want lost", got)
	}
	if got := statesOf(host)[CapSysResource]; got.Lost {
		t.Errorf("on Linux 6.18 CAP_SYS_RESOURCE is %+v, want not lost", got)
	}
}
