package config

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatIsShownIsTheConfigInForce reads what is shown as a file: JSON is YAML.
func TestWhatIsShownIsTheConfigInForce(t *testing.T) {
	for name, path := range map[string]string{"full": "testdata/full.good.yaml", "default": ""} {
		t.Run(name, func(t *testing.T) {
			want, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			shown, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			// Of tokens the hashes are not shown, nor where they are.
			text := regexp.MustCompile(`("name":"(alertmanager|oncall)",)`).ReplaceAllString(string(shown), `$1"sha256_file":"x",`)
			// Paths start from this folder, which is that of x.yaml.
			got, err := Parse("x.yaml", []byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			for i := range want.Tokens {
				want.Tokens[i].Hash = [32]byte{}
			}
			for i := range want.Notify {
				want.Notify[i].Options.TLS = nil
				want.Notify[i].Options.URL = strings.TrimSuffix(want.Notify[i].Options.URL, "/x")
			}
			for i := range want.Model.Providers {
				want.Model.Providers[i].TLS = nil
			}
			for i := range want.Exporters {
				want.Exporters[i].TLS = nil
			}
			if want.Prometheus != nil {
				want.Prometheus.TLS, want.Alertmanager.TLS, want.Grafana.TLS = nil, nil, nil
			}
			if diff := cmp.Diff(want, got, cmpConfig); diff != "" {
				t.Errorf("config (-in force +shown):\n%s", diff)
			}
		})
	}
}

func TestWhatIsShownOpensNothing(t *testing.T) {
	c, err := Load("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.Notify[1].Options.URL = "https://hooks.example.net/services/hush"
	shown, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hush", "sha256", "CERTIFICATE"} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("shows %q: %s", secret, shown)
		}
	}
	if !strings.Contains(string(shown), `"url":"https://hooks.example.net"`) {
		t.Errorf("does not show the host of a receiver: %s", shown)
	}
}
