//go:build linux

package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestOnlyWhatThePolicyNeedsIsAskedFor claims that a kernel may lack what no rule rests on.
func TestOnlyWhatThePolicyNeedsIsAskedFor(t *testing.T) {
	many := policy.All{policy.Any{policy.Connections{IPv4: 32, IPv6: 64, Above: 1}}}
	for name, c := range map[string]struct {
		policy *policy.Policy
		want   []string
	}{
		"no policy":   {nil, []string{"ring_buffer", "xdp_cookies", "connection_events"}},
		"no rule":     {&policy.Policy{}, []string{"ring_buffer"}},
		"cookies":     {&policy.Policy{Rules: []policy.Rule{{}, {SYNCookie: &policy.SYNCookie{}}}}, []string{"ring_buffer", "xdp_cookies"}},
		"connections": {&policy.Policy{Rules: []policy.Rule{{Match: policy.All{}}, {Match: many}}}, []string{"ring_buffer", "connection_events"}},
	} {
		var got []string
		for _, f := range featuresOf(c.policy) {
			got = append(got, f.name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
