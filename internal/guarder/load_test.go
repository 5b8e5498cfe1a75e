//go:build linux

package guarder

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestPolicyThatCutsTheOperatorOffIsRefused has an operator who is logged in from
// 198.51.100.7, and a policy that drops SSH.
func TestPolicyThatCutsTheOperatorOffIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(`version: 1
defaults: {mode: enforce, interfaces: [eth0]}
failsafe: {established: keep}
groups:
- name: web
  stage: policy
  priority: 100
  rules:
  - rule: no-ssh
    match: {proto: tcp, dst_port: 22}
    action: drop
`), 0o600); err != nil {
		t.Fatal(err)
	}
	facts := func() (*host.Facts, error) {
		return &host.Facts{
			Devices:   []host.Device{{Index: 2, Name: "eth0", Up: true, MTU: 1500}},
			Addresses: []host.Address{{Prefix: netip.MustParsePrefix("192.0.2.10/24"), Device: 2}},
			Operator: []host.Connection{{
				Local: netip.MustParseAddrPort("192.0.2.10:22"), Remote: netip.MustParseAddrPort("198.51.100.7:50000"),
			}},
		}, nil
	}
	bindings, err := OpenBindings("")
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{bindings: bindings, logger: slog.New(slog.DiscardHandler)}
	_, _, err = e.load(Config{Paths: []string{file}, Facts: facts}, nil)
	if err == nil || !strings.Contains(err.Error(), "policy.yaml:9:5") || !strings.Contains(err.Error(), "G301") {
		t.Errorf("the policy is refused with: %v", err)
	}
	for name, cfg := range map[string]Config{
		"accepted": {Paths: []string{file}, Facts: facts, AcceptLockout: true},
		"audited":  {Paths: []string{file}, Facts: facts, Ceiling: policy.Audit},
	} {
		if p, _, err := e.load(cfg, nil); err != nil || len(p.Rules) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
