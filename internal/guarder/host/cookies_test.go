package host

import (
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestAnswersWhereAddressesAreTranslated: a listener here may stand for one elsewhere.
func TestAnswersWhereAddressesAreTranslated(t *testing.T) {
	p, faults := policy.Parse("p.yaml", []byte(`version: 1
groups:
- name: g
  rules:
  - {rule: r, mode: enforce, match: {proto: tcp, dst_port: 80}, action: syncookie, syncookie: {on_above: 10/s}}
`), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	f := server()
	f.Detours = []Detour{{DetourNAT, "the table nat of ip_tables is loaded"}}
	f.Conntrack = true
	if all := Check(p, f); len(all) != 1 || all[0].Code != policy.SocketsElsewhere {
		t.Errorf("%v", all)
	}
}
