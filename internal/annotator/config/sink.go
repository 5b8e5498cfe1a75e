package config

import (
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// GrafanaName is the name of the sink that annotates Grafana.
const GrafanaName = "grafana"

// A Notify is a receiver, and what it is to get.
type Notify struct {
	Options sink.NotifyOptions
	Filter  sink.Filter
}

func (d *decoder) sinks(n *yaml.Node, c *Config) {
	d.Mapping(n, "sinks", yamlfile.Keys{
		"grafana": func(n *yaml.Node) { d.grafana(n, c) },
		"notify": func(n *yaml.Node) {
			elements := d.mappings(n, "sinks.notify", "receiver")
			c.Notify = make([]Notify, len(elements))
			names := names{GrafanaName: 0}
			for i, element := range elements {
				d.notify(element, &c.Notify[i], names)
			}
		},
	})
}

// link gives the sinks the links that they may show.
func (c *Config) link() {
	if c.Links.Grafana == "" && c.Grafana != nil {
		c.Links.Grafana = c.Grafana.URL
	}
	var bases []string
	for _, base := range []string{c.Links.Annotator, c.Links.Grafana} {
		if base != "" {
			bases = append(bases, base)
		}
	}
	if c.Grafana != nil {
		c.Grafana.Links = bases
	}
	for i := range c.Notify {
		c.Notify[i].Options.Links = bases
	}
}

func (d *decoder) grafana(n *yaml.Node, c *Config) {
	var url *yaml.Node
	o := &sink.GrafanaOptions{Options: sink.Options{Name: GrafanaName}}
	d.Mapping(n, "sinks.grafana", yamlfile.Keys{
		"url":        func(n *yaml.Node) { url = n; o.URL, _ = d.url(n) },
		"token_file": func(n *yaml.Node) { o.TokenFile = d.secret(n) },
		"ca_file":    func(n *yaml.Node) { d.authorities(n, &o.TLS) },
		"timeout":    func(n *yaml.Node) { o.Timeout = d.Duration(n, time.Second, time.Minute) },
		"dashboards": func(n *yaml.Node) {
			for _, element := range d.mappings(n, "dashboards", "dashboard") {
				o.Places = append(o.Places, d.place(element))
			}
		},
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if url == nil {
		d.Fault(n, "add one such as url: http://127.0.0.1:3000", "grafana without a url")
	}
	c.Grafana = o
}

// uidForm is that of the identifiers of dashboards: pkg/util/shortid_generator.go of
// Grafana.
var uidForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)

func (d *decoder) place(n *yaml.Node) sink.Place {
	var p sink.Place
	var uid *yaml.Node
	d.Mapping(n, "a dashboard", yamlfile.Keys{
		"match": func(n *yaml.Node) { p.Match = d.match(n) },
		"uid": func(n *yaml.Node) {
			uid = n
			text, ok := d.Text(n)
			if ok && !uidForm.MatchString(text) {
				d.Fault(n, "it stands in the dashboard's address, behind /d/", "bad uid of a dashboard %q", text)
				return
			}
			p.UID = text
		},
		"panel": func(n *yaml.Node) { p.Panel = int64(d.Integer(n, 1, math.MaxInt32)) },
	})
	if uid == nil {
		d.Fault(n, "it stands in the dashboard's address, behind /d/", "dashboard without a uid")
	}
	return p
}

// match returns patterns by the names of labels.
func (d *decoder) match(n *yaml.Node) map[string]*regexp.Regexp {
	patterns := map[string]*regexp.Regexp{}
	d.Entries(n, "match", func(key, value, first *yaml.Node) {
		if first != nil {
			d.Duplicate(key, first)
			return
		}
		name, nameOK := d.Text(yamlfile.Resolve(key))
		text, ok := d.Text(value)
		if !nameOK || !ok {
			return
		}
		pattern, err := regexp.Compile(text)
		// What is a pattern alone may be none with something around it, as an open \Q.
		if err == nil {
			_, err = regexp.Compile("^(?:" + text + ")$")
		}
		if err != nil {
			d.Fault(value, "", "bad pattern: %s", oneLine(err.Error()))
			return
		}
		patterns[name] = pattern
	})
	return patterns
}

func (d *decoder) notify(n *yaml.Node, to *Notify, names names) {
	var name, format, url, file *yaml.Node
	o := &to.Options
	d.Mapping(n, "a receiver", yamlfile.Keys{
		"name": func(n *yaml.Node) { name, o.Name = n, d.name(n, "sink", names) },
		"format": func(n *yaml.Node) {
			formats := sink.Formats()
			format, o.Format = n, formats[d.Choice(n, "format", formats...)]
		},
		"url":         func(n *yaml.Node) { url = n; o.URL, _ = d.url(n) },
		"url_file":    func(n *yaml.Node) { file, o.URLFile = n, d.secretURL(n) },
		"token_file":  func(n *yaml.Node) { o.TokenFile = d.secret(n) },
		"secret_file": func(n *yaml.Node) { o.SecretFile = d.secret(n) },
		"ca_file":     func(n *yaml.Node) { d.authorities(n, &o.TLS) },
		"timeout":     func(n *yaml.Node) { o.Timeout = d.Duration(n, time.Second, time.Minute) },
		"on":          func(n *yaml.Node) { d.on(n, &to.Filter) },
		"min_severity": func(n *yaml.Node) {
			to.Filter.MinSeverity = sink.Severities[d.Choice(n, "severity", sink.Severities...)]
		},
	})
	if name == nil {
		d.Fault(n, "it becomes the label value", "receiver without a name")
	}
	if format == nil {
		d.Fault(n, "known: "+strings.Join(sink.Formats(), ", "), "receiver without a format")
	}
	switch {
	case url == nil && file == nil:
		d.Fault(n, "add url_file, or url if the address is no secret", "receiver without an address")
	case url != nil && file != nil:
		d.Fault(url, "remove one of them", "receiver with both url and url_file")
	}
}

// A message is a word of on, and what it switches.
type message struct {
	word string
	on   *bool
}

func messages(f *sink.Filter) []message {
	return []message{{"first", &f.First}, {"update", &f.Update}, {"model", &f.Model}, {"resolved", &f.Resolved}}
}

func (d *decoder) on(n *yaml.Node, f *sink.Filter) {
	all := messages(f)
	var words []string
	for _, m := range all {
		words = append(words, m.word)
	}
	elements := d.Sequence(n, "on")
	if len(elements) == 0 && n.Kind == yaml.SequenceNode {
		d.Fault(n, "remove the key for all of them, or the receiver for none", "on is empty")
	}
	for _, element := range elements {
		*all[d.Choice(element, "message", words...)].on = true
	}
}
