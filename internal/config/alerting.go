package config

import (
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/alert"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// labelForm is that of names of labels.
var labelForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// decodeAlerting reads whom to tell of Guarder's alerts.
func decodeAlerting(d *decoder, n *yaml.Node) *alert.Config {
	var targets *yaml.Node
	c := &alert.Config{}
	d.Mapping(n, "alerting", yamlfile.Keys{
		"alertmanagers": func(n *yaml.Node) {
			targets = n
			c.Targets = decodeTargets(d, n)
		},
		"instance":        func(n *yaml.Node) { c.Instance, _ = d.Text(n) },
		"external_labels": func(n *yaml.Node) { c.External = decodeLabels(d, n) },
		"state":           func(n *yaml.Node) { c.State = d.Path(n) },
		"resend_delay":    func(n *yaml.Node) { c.ResendDelay = d.Duration(n, time.Second, 10*time.Minute) },
		"interval":        func(n *yaml.Node) { c.Interval = d.Duration(n, time.Second, time.Minute) },
	})
	switch {
	case n.Kind != yaml.MappingNode:
		return nil
	case targets == nil:
		d.Fault(n, "add alertmanagers: and the url of one", "alerting without Alertmanagers")
	}
	if c.Instance == "" {
		c.Instance, _ = os.Hostname() // without one, alerts have no such label
	}
	return c
}

func decodeLabels(d *decoder, n *yaml.Node) map[string]string {
	labels := map[string]string{}
	d.Entries(n, "external_labels", func(key, value, first *yaml.Node) {
		name := yamlfile.Resolve(key).Value
		switch {
		case !labelForm.MatchString(name):
			d.Fault(key, "have letters, digits and _", "bad name %q of a label", name)
		case first != nil:
			d.Duplicate(key, first)
		case !yamlfile.IsNull(value):
			labels[name], _ = d.Text(value)
		}
	})
	return labels
}

func decodeTargets(d *decoder, n *yaml.Node) []alert.Target {
	elements := d.Sequence(n, "alerting.alertmanagers")
	if n.Kind == yaml.SequenceNode && len(elements) == 0 {
		d.Fault(n, "name one, or remove alerting", "no Alertmanager")
	}
	var targets []alert.Target
	lines := map[string]int{}
	for _, element := range elements {
		t := decodeTarget(d, element)
		if line := lines[t.URL]; line > 0 && t.URL != "" {
			d.Fault(element, "", "duplicate Alertmanager, first on line %d", line)
		}
		lines[t.URL] = element.Line
		targets = append(targets, t)
	}
	return targets
}

// decodeTarget reads an Alertmanager. Secrets stand in files of their own.
func decodeTarget(d *decoder, n *yaml.Node) (t alert.Target) {
	if n.Kind != yaml.MappingNode {
		d.Fault(n, "write - url: http://127.0.0.1:9093", "an Alertmanager must be a mapping of keys to values")
		return t
	}
	found := d.Found()
	d.Mapping(n, "an Alertmanager", yamlfile.Keys{
		"url": func(n *yaml.Node) {
			text, ok := d.Text(n)
			if _, err := alert.ParseURL(text); err != nil && ok {
				d.Fault(n, "write it such as http://127.0.0.1:9093; secrets stand in files of their own", "%v", err)
			}
			t.URL = text
		},
		"timeout":     func(n *yaml.Node) { t.Timeout = d.Duration(n, 100*time.Millisecond, time.Minute) },
		"token_file":  func(n *yaml.Node) { t.TokenFile = d.Path(n) },
		"basic_auth":  func(n *yaml.Node) { decodeBasicAuth(d, n, &t) },
		"ca_file":     func(n *yaml.Node) { t.CAFile = d.Path(n) },
		"cert_file":   func(n *yaml.Node) { t.CertFile = d.Path(n) },
		"key_file":    func(n *yaml.Node) { t.KeyFile = d.Path(n) },
		"server_name": func(n *yaml.Node) { t.ServerName, _ = d.Text(n) },
	})
	switch {
	case d.Found() > found:
	case t.URL == "":
		d.Fault(n, "add one such as url: http://127.0.0.1:9093", "an Alertmanager without a url")
	case t.User != "" && t.TokenFile != "":
		d.Fault(n, "leave one out", "token_file and basic_auth for one Alertmanager")
	case (t.CertFile == "") != (t.KeyFile == ""):
		d.Fault(n, "name both", "cert_file and key_file belong together")
	}
	return t
}

func decodeBasicAuth(d *decoder, n *yaml.Node, t *alert.Target) {
	found := d.Found()
	d.Mapping(n, "basic_auth", yamlfile.Keys{
		"username":      func(n *yaml.Node) { t.User, _ = d.Text(n) },
		"password_file": func(n *yaml.Node) { t.PasswordFile = d.Path(n) },
	})
	if d.Found() == found && (t.User == "" || t.PasswordFile == "") {
		d.Fault(n, "name both", "basic_auth wants username and password_file")
	}
}

// checkAlerting records secrets and certificates that cannot be read.
func (d *decoder) checkAlerting(c *alert.Config) {
	if c == nil {
		return
	}
	for _, t := range c.Targets {
		for _, file := range []string{t.TokenFile, t.PasswordFile} {
			if file == "" {
				continue
			}
			if _, err := alert.ReadSecret(file); err != nil {
				d.Fault(d.At(file), "", "%v", err)
			}
		}
		if t.URL == "" {
			continue
		}
		if _, err := alert.NewClient(t); err != nil {
			d.Join(fmt.Errorf("%s: alertmanager %s: %w", d.File(), t.URL, err))
		}
	}
}

func sameAlerting(a, b *alert.Config) bool {
	return fmt.Sprintf("%+v", valueOf(a)) == fmt.Sprintf("%+v", valueOf(b))
}

func valueOf(c *alert.Config) any {
	if c == nil {
		return nil
	}
	return *c
}
