package alert

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A promRule is an alerting rule of Prometheus.
type promRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	KeepFiring  string            `yaml:"keep_firing_for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type promGroup struct {
	Name  string     `yaml:"name"`
	Rules []promRule `yaml:"rules"`
}

// RuleFile returns the alerts of a policy as a file of rules for Prometheus, on the metrics
// of the exporter; nil if it has none.
//
// Both fire alike but for what Prometheus estimates: increase reckons from the samples that
// it has, the last of which is a scrape old, to the ends of the window. What only the push
// knows, sources and samples, is not in the annotations.
func RuleFile(p *policy.Policy) ([]byte, error) {
	group := promGroup{Name: "guarder.alerts"}
	for i := range p.Rules {
		if r := &p.Rules[i]; r.Alert != nil {
			group.Rules = append(group.Rules, promRuleOf(r))
		}
	}
	if group.Rules == nil {
		return nil, nil
	}
	var text bytes.Buffer
	text.WriteString("# Written by: packetscope guard export-rules. The conditions are those of the policy.\n")
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := encoder.Encode(map[string]any{"groups": []promGroup{group}})
	return text.Bytes(), err
}

func promRuleOf(r *policy.Rule) promRule {
	status := &guarder.RuleStatus{
		Group: r.Group, Rule: r.Name, Mode: r.Mode.String(), Action: r.Action.String(), Labels: r.Labels, Place: r.At.String(), Alert: guarder.AlertOf(r),
	}
	a := status.Alert
	labels := new(Machine).labels(status)
	// These come with the series.
	for _, name := range []string{"alertname", "instance", "group", "rule", "mode"} {
		delete(labels, name)
	}
	x := promRule{Alert: a.Name, Expr: exprOf(r), For: shown(r.Alert.For), KeepFiring: shown(r.Alert.KeepFiring), Labels: labels}
	for name, value := range labels {
		labels[name] = literal(value)
	}
	templates := map[string]string{"summary": templates["summary"], "description": templates["description"]}
	maps.Copy(templates, a.Annotations)
	fields := policy.AlertFields{
		Alert: a.Name, Host: "{{ $labels.instance }}", Group: literal(r.Group), Rule: literal(r.Name), Place: literal(status.Place),
		Attack: literal(r.Labels["attack"]), Severity: literal(labels["severity"]), Summary: literal(a.Summary), Mode: status.Mode,
		Packets: `{{ $value | printf "%.0f" }}`, Over: timeOf(r.Alert.Over),
		Rate: "at least " + strconv.FormatFloat(a.Packets/r.Alert.Over.Seconds(), 'g', 3, 64),
	}
	x.Annotations = map[string]string{}
	for name, text := range templates {
		if text = rendered(text, fields); text != "" {
			x.Annotations[name] = text
		}
	}
	return x
}

// exprOf returns the condition. A rule may have several verdicts, as when its mode changes.
func exprOf(r *policy.Rule) string {
	matchers := fmt.Sprintf("{group=%q,rule=%q}", r.Group, r.Name)
	const by = "(cluster, job, instance, group, rule)"
	return fmt.Sprintf("sum by %s (increase(packetscope_guarder_rule_packets_total%s[%s]))\n* on %s group_left (mode) packetscope_guarder_rule_info%s\n>= %s",
		by, matchers, timeOf(r.Alert.Over), by, matchers, strconv.FormatFloat(r.Alert.Packets, 'f', -1, 64))
}

// shown returns a time for a key that is left out if it is 0.
func shown[D ~int64](d D) string {
	if d == 0 {
		return ""
	}
	return model.Duration(d).String()
}

// literal has Prometheus show a text of a policy as it is, although it is in a template.
func literal(text string) string { return strings.ReplaceAll(text, "{{", `{{"{{"}}`) }
