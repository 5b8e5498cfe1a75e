//go:build linux

package guarder

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A "?" is one character in a policy, and says that a device is optional on the command
// line.
func TestQuestionMarksOfPoliciesArePatterns(t *testing.T) {
	e := &Engine{}
	names := e.names(&policy.Policy{Attach: []string{"eth?", "wg?", "lo", "eth9"}, Optional: []string{"wg?", "eth9"}})
	got, err := chosen(names, []net.Interface{{Index: 1, Name: "lo"}, {Index: 3, Name: "eth0"}, {Index: 5, Name: "wg1"}, {Index: 7, Name: "eth10"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Device{{1, "lo"}, {3, "eth0"}, {5, "wg1"}}, got); diff != "" {
		t.Errorf("%q (-want +got):\n%s", names, diff)
	}
}
