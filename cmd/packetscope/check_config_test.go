package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckConfigReportsEveryFile(t *testing.T) {
	good := writeConfig(t, "watches: [{name: web, ports: 443}]")
	bad := writeConfig(t, badConfig)
	goodWeb := writeConfig(t, "basic_auth_users: {}\n")
	badWeb := filepath.Join(t.TempDir(), "web.yaml")
	rewriteConfig(t, badWeb, "basic_auth_users: []\n")
	named := writeConfig(t, "geo: {overrides: [networks.yaml]}")
	rewriteConfig(t, filepath.Join(filepath.Dir(named), "networks.yaml"), "networks:\n- prefix: 10.0.0.1\n  country: Chile\n")
	webFault := []string{
		"web.yaml: yaml: unmarshal errors:",
		"line 1: cannot unmarshal !!seq into map[string]config.Secret",
	}
	for _, c := range []struct {
		claim  string
		args   []string
		want   string
		faults []string
	}{
		{"good", []string{good}, good + ": ok\n", nil},
		{"bad", []string{bad}, "", badConfigFaults},
		{"names a bad file", []string{named}, "", []string{
			`networks.yaml:3:12: bad country "Chile" (write the two letters of ISO 3166-1, such as CH)`,
		}},
		{"good web config", []string{"--web.config.file=" + goodWeb}, goodWeb + ": ok\n", nil},
		{"bad web config does not hide the other", []string{good, "--web.config.file=" + badWeb}, good + ": ok\n", webFault},
		{"both bad", []string{bad, "--web.config.file=" + badWeb}, "", append(badConfigFaults[:2:2], webFault...)},
		{"nothing", nil, "", []string{"nothing to check (name a file)"}},
	} {
		w := newWorld(append([]string{"check-config"}, c.args...)...)
		err := run(context.Background(), w.env)
		if diff := cmp.Diff(c.faults, withoutFolder(err)); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", c.claim, diff)
		}
		if diff := cmp.Diff(c.want, w.stdout.String()); diff != "" {
			t.Errorf("%s: output (-want +got):\n%s", c.claim, diff)
		}
	}
}
