package config

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator/exporter"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// GeoFiles are the files that tell where addresses are and whose they are, as package geo
// opens them.
type GeoFiles struct {
	// Databases are in MaxMind's format; the first that knows something counts.
	Databases []string
	// Overrides are files for own networks, in YAML or CSV.
	Overrides []string
}

func (d *decoder) geo(n *yaml.Node, files *GeoFiles) {
	d.Mapping(n, "geo", yamlfile.Keys{
		"databases": func(n *yaml.Node) { files.Databases = d.geoPaths(n, "geo.databases") },
		"overrides": func(n *yaml.Node) { files.Overrides = d.geoPaths(n, "geo.overrides") },
	})
}

func (d *decoder) geoPaths(n *yaml.Node, what string) []string {
	paths := d.Paths(n, what)
	d.checks = append(d.checks, func() {
		for _, path := range paths {
			d.checkMode(n, path, 0o002, "changed")
		}
	})
	return paths
}

// shortestAsk is the shortest timeout of an exporter, which takes [exporter.Interval] to
// answer.
const shortestAsk = exporter.Interval + 500*time.Millisecond

func (d *decoder) exporters(n *yaml.Node, c *Config) {
	seen := map[string]int{}
	elements := d.mappings(n, "exporters", "exporter")
	c.Exporters = make([]exporter.Options, len(elements)) // certificates are put in later
	for i, element := range elements {
		d.exporter(element, seen, &c.Exporters[i])
	}
}

func (d *decoder) exporter(n *yaml.Node, seen map[string]int, o *exporter.Options) {
	o.Top, o.Timeout = 20, 2*time.Second
	var instance, url, token, basic *yaml.Node
	d.Mapping(n, "an exporter", yamlfile.Keys{
		"instance":   func(n *yaml.Node) { instance = n; o.Instance = d.instance(n, seen) },
		"url":        func(n *yaml.Node) { url = n; o.URL, _ = d.url(n) },
		"token_file": func(n *yaml.Node) { token = n; o.TokenFile = d.secret(n) },
		"basic_auth": func(n *yaml.Node) { basic = n; d.basicAuth(n, o) },
		"ca_file":    func(n *yaml.Node) { d.authorities(n, &o.TLS) },
		"top":        func(n *yaml.Node) { o.Top = d.Integer(n, 1, 50) },
		"timeout":    func(n *yaml.Node) { o.Timeout = d.Duration(n, shortestAsk, time.Minute) },
	})
	switch {
	case instance == nil:
		d.Fault(n, `add the label of its alerts, such as instance: "web-1:10142"`, "exporter without an instance")
	case url == nil:
		d.Fault(n, "add one such as url: http://web-1:10142", "exporter without a url")
	case token != nil && basic != nil:
		d.Fault(basic, "remove one of them", "exporter with a token_file and basic_auth")
	}
}

// instance returns the value of a label that no earlier exporter has. It is compared as a
// whole, so any text will do.
func (d *decoder) instance(n *yaml.Node, seen map[string]int) string {
	text, ok := d.Text(n)
	if !ok {
		return ""
	}
	if line, taken := seen[text]; taken {
		d.Fault(n, "", "duplicate instance %q, first on line %d", text, line)
		return ""
	}
	seen[text] = n.Line
	return text
}

func (d *decoder) basicAuth(n *yaml.Node, o *exporter.Options) {
	found := d.Found()
	d.Mapping(n, "basic_auth", yamlfile.Keys{
		"username":      func(n *yaml.Node) { o.User, _ = d.Text(n) },
		"password_file": func(n *yaml.Node) { o.PasswordFile = d.secret(n) },
	})
	if d.Found() == found && (o.User == "" || o.PasswordFile == "") {
		d.Fault(n, "write both", "basic_auth needs a username and a password_file")
	}
}
