package config

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

func (d *decoder) store(n *yaml.Node, s *store.Config) {
	const year = 365 * 24 * time.Hour
	d.Mapping(n, "store", yamlfile.Keys{
		"path":      func(n *yaml.Node) { s.Path = d.Path(n) },
		"max_inbox": func(n *yaml.Node) { s.MaxInbox = d.Integer(n, 100, 1_000_000) },
		// A message may be as large as listen.max_body allows.
		"max_size": func(n *yaml.Node) { s.MaxBytes = d.Size(n, 256<<20, 1<<40) },
		"keep":     func(n *yaml.Node) { s.Keep = d.Duration(n, time.Hour, 10*year) },
		// Alertmanager repeats itself every four hours by default.
		"seen": func(n *yaml.Node) { s.Seen = d.Duration(n, time.Hour, year) },
	})
}

func (d *decoder) prometheus(n *yaml.Node, c *Config) {
	var url, timeout *yaml.Node
	o := &remote.Options{}
	found := d.Found()
	d.Mapping(n, "prometheus", yamlfile.Keys{
		"url":         func(n *yaml.Node) { url = n; o.URL, _ = d.url(n) },
		"token_file":  func(n *yaml.Node) { o.TokenFile = d.secret(n) },
		"ca_file":     func(n *yaml.Node) { d.authorities(n, &o.TLS) },
		"timeout":     func(n *yaml.Node) { timeout, c.Evidence.PerQuery = n, d.Duration(n, 10*time.Millisecond, time.Minute) },
		"total":       func(n *yaml.Node) { c.Evidence.Total = d.Duration(n, 10*time.Millisecond, 5*time.Minute) },
		"max_queries": func(n *yaml.Node) { c.Evidence.Queries = d.Integer(n, 1, 100) },
		"parallel":    func(n *yaml.Node) { c.Evidence.Parallel = d.Integer(n, 1, 32) },
		"max_facts":   func(n *yaml.Node) { c.Evidence.Facts = d.Integer(n, 1, 20) },
		"max_series":  func(n *yaml.Node) { c.Evidence.Series = d.Integer(n, 1, 10_000) },
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if url == nil {
		d.Fault(n, "add one such as url: http://127.0.0.1:9090", "prometheus without a url")
	}
	if timeout != nil && d.Found() == found && c.Evidence.PerQuery > c.Evidence.Total {
		d.Fault(timeout, "raise total, or lower timeout", "one query may take longer than all, which end after %v", c.Evidence.Total)
	}
	// The queries end by their contexts; this is for whoever asks without one.
	o.Timeout = c.Evidence.PerQuery
	c.Prometheus = o
}

func (d *decoder) alertmanager(n *yaml.Node, c *Config) {
	var url, receiver *yaml.Node
	o := &alertmanager.Options{}
	d.Mapping(n, "alertmanager", yamlfile.Keys{
		"url":        func(n *yaml.Node) { url = n; o.URL, _ = d.url(n) },
		"token_file": func(n *yaml.Node) { o.TokenFile = d.secret(n) },
		"ca_file":    func(n *yaml.Node) { d.authorities(n, &o.TLS) },
		"timeout":    func(n *yaml.Node) { o.Timeout = d.Duration(n, 10*time.Millisecond, time.Minute) },
		"receiver": func(n *yaml.Node) {
			receiver = n
			if name, ok := d.Text(n); ok && name == "" {
				d.Fault(n, nameReceiver, "receiver is empty")
			} else {
				o.Receiver = name
			}
		},
		"reconcile": func(n *yaml.Node) { c.Reconcile = d.Duration(n, 10*time.Second, 24*time.Hour) },
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	if url == nil {
		d.Fault(n, "add one such as url: http://127.0.0.1:9093", "alertmanager without a url")
	}
	// Without it the alerts of all others would be taken for ours that no message came of.
	if receiver == nil {
		d.Fault(n, nameReceiver, "alertmanager without a receiver")
	}
	c.Alertmanager = o
}

const nameReceiver = "name the receiver that sends to us, such as receiver: annotator"

// authorities has the certificates in a file trusted, and no others.
func (d *decoder) authorities(n *yaml.Node, into **tls.Config) {
	path := d.Path(n)
	if path == "" {
		return
	}
	d.reads = append(d.reads, func() {
		data, err := os.ReadFile(path)
		if err != nil {
			d.Unreadable(path, err)
			return
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(data) {
			d.Fault(n, "it begins with -----BEGIN CERTIFICATE-----", "%s holds no certificate", path)
			return
		}
		*into = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	})
}
