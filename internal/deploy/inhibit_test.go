package deploy

import (
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/rules"
)

// TestOnePartDoesNotSilenceAnother claims that an alert which fires at two severities is told
// of each part of a host, such as a destination or a device: where Alertmanager keeps the
// milder one back it compares all labels that tell parts apart.
func TestOnePartDoesNotSilenceAnother(t *testing.T) {
	var config struct {
		Inhibit []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
			Equal  []string `yaml:"equal"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "alertmanager/alertmanager.yml")), &config); err != nil {
		t.Fatal(err)
	}
	catalogue, compared := rules.Catalogue(), 0
	for _, source := range rules.Alerts() {
		for _, target := range rules.Alerts() {
			if source.Name != target.Name || source.Severity == target.Severity {
				continue
			}
			labels, err := catalogue.Check(target.Expr)
			if err != nil {
				t.Fatal(err)
			}
			for _, rule := range config.Inhibit {
				if !slices.Equal(rule.Source, []string{`severity="` + source.Severity + `"`}) || !strings.Contains(strings.Join(rule.Target, ","), target.Severity) {
					continue
				}
				compared++
				for _, label := range append([]string{"alertname"}, labels.Names()...) {
					if !slices.Contains(rule.Equal, label) {
						t.Errorf("%s as %s of one %s silences the %s of another", source.Name, source.Severity, label, target.Severity)
					}
				}
			}
		}
	}
	if compared == 0 {
		t.Error("no alert of two severities meets a rule that inhibits")
	}
}
