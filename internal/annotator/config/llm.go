package config

import (
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// privacies are what llm.prompt_privacy can be, the default first.
var privacies = []string{"handles", "values"}

func (d *decoder) llm(n *yaml.Node, c *Config) {
	enabled := true
	var providers []provider
	d.Mapping(n, "llm", yamlfile.Keys{
		"enabled":        func(n *yaml.Node) { enabled = d.Boolean(n) },
		"prompt_privacy": func(n *yaml.Node) { c.Values = d.Choice(n, "privacy", privacies...) == 1 },
		"providers":      func(n *yaml.Node) { providers = d.providers(n, c) },
		"budget":         func(n *yaml.Node) { d.budget(n, &c.Model.Budget) },
		"breaker":        func(n *yaml.Node) { d.breaker(n, &c.Model.Breaker) },
		"cache": func(n *yaml.Node) {
			d.Mapping(n, "llm.cache", yamlfile.Keys{
				"ttl": func(n *yaml.Node) { c.CacheTTL = d.Duration(n, time.Minute, 7*24*time.Hour) },
			})
		},
		"learn": func(n *yaml.Node) { c.Model.Learn = d.Duration(n, time.Minute, 30*24*time.Hour) },
	})
	for _, p := range providers {
		if c.Values && p.base != nil && !p.local() && !p.allowValues {
			d.Fault(p.at, "write prompt_privacy: handles, or allow it: allow_values: true",
				"prompt_privacy: values would send addresses and names to another host")
		}
	}
	if !enabled {
		c.Model.Providers = nil
	}
}

// A provider is what the checks of one look at.
type provider struct {
	at                     *yaml.Node // of base_url
	base, proxy            *url.URL
	allowHTTP, allowValues bool
}

// local tells whether what is asked stays on this host.
func (p provider) local() bool { return local(p.base) && (p.proxy == nil || local(p.proxy)) }

func (d *decoder) providers(n *yaml.Node, c *Config) []provider {
	elements := d.mappings(n, "llm.providers", "provider")
	c.Model.Providers = make([]model.Provider, len(elements))
	all, names := make([]provider, len(elements)), names{}
	for i, element := range elements {
		d.provider(element, &c.Model.Providers[i], &all[i], names)
	}
	return all
}

// provider decodes a provider into its place, where certificates that are read later
// find it.
func (d *decoder) provider(n *yaml.Node, m *model.Provider, p *provider, names names) {
	var name, modelAt, key, header *yaml.Node
	found := d.Found()
	d.Mapping(n, "a provider", yamlfile.Keys{
		"name":           func(n *yaml.Node) { name, m.Name = n, d.name(n, "provider", names) },
		"base_url":       func(n *yaml.Node) { p.at = n; m.BaseURL, p.base = d.url(n) },
		"model":          func(n *yaml.Node) { modelAt = n; m.Model, _ = d.Text(n) },
		"api_key_file":   func(n *yaml.Node) { key, m.KeyFile = n, d.secret(n) },
		"api_key_header": func(n *yaml.Node) { header, m.KeyHeader = n, d.header(n) },
		"timeout":        func(n *yaml.Node) { m.Timeout = d.Duration(n, time.Second, 10*time.Minute) },
		"temperature":    func(n *yaml.Node) { m.Temperature = new(d.Number(n, 0, 2)) },
		"max_tokens":     func(n *yaml.Node) { m.MaxTokens = int64(d.Integer(n, 100, 1_000_000)) },
		"price":          func(n *yaml.Node) { d.price(n, &m.Price) },
		"proxy":          func(n *yaml.Node) { m.Proxy, p.proxy = d.proxy(n) },
		"ca_file":        func(n *yaml.Node) { d.authorities(n, &m.TLS) },
		"allow_http":     func(n *yaml.Node) { p.allowHTTP = d.Boolean(n) },
		"allow_values":   func(n *yaml.Node) { p.allowValues = d.Boolean(n) },
	})
	if name == nil {
		d.Fault(n, "it becomes the label value", "provider without a name")
	}
	if p.at == nil {
		d.Fault(n, "add one such as base_url: http://127.0.0.1:11434/v1", "provider without a base_url")
	}
	if modelAt == nil {
		d.Fault(n, "name the model as the server knows it", "provider without a model")
	}
	if header != nil && key == nil {
		d.Fault(header, "name the file with the key: api_key_file", "api_key_header without a key")
	}
	if p.base != nil && p.base.Scheme == "http" && !p.local() && !p.allowHTTP {
		d.Fault(p.at, "use https, or allow it: allow_http: true", "plain http to another host: whoever is on the way reads the questions and the key")
	}
	// What is left is for the package to say, which knows its servers.
	if d.Found() == found {
		if err := m.Check(); err != nil {
			d.Fault(n, "", "%s", oneLine(err.Error()))
		}
	}
}

func (d *decoder) price(n *yaml.Node, p *model.Price) {
	d.Mapping(n, "price", yamlfile.Keys{
		"prompt":     func(n *yaml.Node) { p.Prompt = d.Number(n, 0, 1e6) },
		"completion": func(n *yaml.Node) { p.Completion = d.Number(n, 0, 1e6) },
	})
}

var headerForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func (d *decoder) header(n *yaml.Node) string {
	text, ok := d.Text(n)
	if ok && !headerForm.MatchString(text) {
		d.Fault(n, "such as api-key", "bad name of a header %q", text)
		return ""
	}
	return text
}

// proxy returns the URL of a proxy, as text and in parts; "" and nil in case of a fault.
func (d *decoder) proxy(n *yaml.Node) (string, *url.URL) {
	text, ok := d.urlText(n)
	if !ok {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		d.Fault(n, "http, https or socks5", "the URL is not of the form http://host:3128")
	case u.User != nil:
		d.Fault(n, "secrets stand in files of their own", "the URL holds a user or password")
	default:
		return text, u
	}
	return "", nil
}

func (d *decoder) budget(n *yaml.Node, b *model.Budget) {
	d.Mapping(n, "llm.budget", yamlfile.Keys{
		"calls_per_minute": func(n *yaml.Node) { b.CallsPerMinute = d.Integer(n, 1, 10_000) },
		"tokens_per_day":   func(n *yaml.Node) { b.TokensPerDay = int64(d.Integer(n, 1000, math.MaxInt32)) },
		"reserve_critical": func(n *yaml.Node) { b.ReserveCritical = d.percent(n) },
	})
}

func (d *decoder) breaker(n *yaml.Node, b *model.Breaker) {
	d.Mapping(n, "llm.breaker", yamlfile.Keys{
		"failures":  func(n *yaml.Node) { b.Failures = d.Integer(n, 1, 100) },
		"open":      func(n *yaml.Node) { b.Open = d.Duration(n, time.Second, 24*time.Hour) },
		"auth_open": func(n *yaml.Node) { b.AuthOpen = d.Duration(n, time.Second, 24*time.Hour) },
	})
}

var percentForm = regexp.MustCompile(`^[0-9]{1,3}%$`)

// percent returns a share that leaves something over, which is written from 0% to 99%.
func (d *decoder) percent(n *yaml.Node) float64 {
	value, err := strconv.Atoi(strings.TrimSuffix(n.Value, "%"))
	if n.Kind != yaml.ScalarNode || !percentForm.MatchString(n.Value) || err != nil || value > 99 {
		d.Fault(n, "", "want a share from 0%% to 99%%, not %s", yamlfile.Describe(n))
		return 0
	}
	return float64(value) / 100
}
