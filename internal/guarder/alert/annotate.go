package alert

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// maxAnnotation is the length of the longest annotation, in bytes.
const maxAnnotation = 2048

// templates are the annotations of alerts whose policy has no other.
var templates = map[string]string{
	"summary": `{{with .Summary}}{{.}}{{else}}A packet filter rule matches.{{end}} ({{.Host}}, rule {{.Group}}/{{.Rule}}, {{if eq .Mode "enforce"}}dropped{{else}}only counted{{end}})`,
	"description": `The rule matched {{.Packets}} packets in {{.Over}}.{{if .Sources}} Most came from {{.Sources}}; a source can be forged.{{end}}` +
		`{{if ne .Mode "enforce"}} The rule is only audited: the packets do their work.{{end}} "packetscope guard top" on the host shows more.`,
	"packets":   "{{.Packets}}",
	"place":     "{{.Place}}",
	"sources":   "{{.Sources}}",
	"countries": "{{.Countries}}",
	"networks":  "{{.Networks}}",
	"sample":    "{{.Sample}}",
}

// Annotate returns the annotations of an alert. Empty ones are left out, and long ones are
// cut.
func (e *Evidence) Annotate(r *guarder.RuleStatus, a *Alert) map[string]string {
	fields := policy.AlertFields{
		Alert: a.Labels["alertname"], Host: a.Labels["instance"], Group: r.Group, Rule: r.Rule, Place: r.Place,
		Attack: r.Labels["attack"], Severity: a.Labels["severity"], Summary: r.Alert.Summary, Mode: r.Mode,
		Packets: strconv.FormatUint(a.Packets, 10), Over: timeOf(r.Alert.Over()),
		Rate: strconv.FormatFloat(float64(a.Packets)/r.Alert.Over().Seconds(), 'g', 3, 64),
	}
	fields.Sources, fields.Countries, fields.Networks, fields.Sample = e.of(r, a)
	all := maps.Clone(templates)
	maps.Copy(all, r.Alert.Annotations)
	for name, text := range all {
		if all[name] = rendered(text, fields); all[name] == "" {
			delete(all, name)
		}
	}
	return all
}

// rendered fills in a template. One that cannot be read, of an agent of another version, is
// shown as it stands.
func rendered(text string, fields policy.AlertFields) string {
	t, err := policy.ParseTemplate(text)
	if err != nil {
		return text[:min(len(text), maxAnnotation)]
	}
	var b bounded
	if err := t.Execute(&b, fields); err != nil && !errors.Is(err, errLong) {
		return text[:min(len(text), maxAnnotation)]
	}
	return strings.ToValidUTF8(b.String(), "")
}

// A bounded text takes so much and no more.
type bounded struct{ strings.Builder }

var errLong = errors.New("annotation too long")

func (b *bounded) Write(p []byte) (int, error) {
	room := maxAnnotation - b.Len()
	b.Builder.Write(p[:min(len(p), room)])
	if len(p) > room {
		return room, errLong
	}
	return len(p), nil
}

// timeOf shows a time as Prometheus does.
func timeOf(d time.Duration) string { return model.Duration(d).String() }
