package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/yamlfile"
	prometheus "github.com/prometheus/common/model"
)

// section is a mapping of the file. Keys whose values are zero are left out: they are
// for the packages to choose.
type section map[string]any

// MarshalJSON writes the config that is in force, with the keys of the file, for people
// who may read but are not to learn what opens something. Of files there are the paths, and
// of a receiver's address no more than the host, as addresses of receivers are secrets
// more often than not. Which certificates are trusted is not told.
func (c Config) MarshalJSON() ([]byte, error) {
	all := section{
		"listen": section{"address": c.Listen.Address, "web_config": c.Listen.WebConfig, "max_body": size(c.Listen.Limits.Body)},
		"links":  section{"annotator": c.Links.Annotator, "grafana": c.Links.Grafana},
		"store": section{"path": c.Store.Path, "max_inbox": c.Store.MaxInbox, "max_size": size(c.Store.MaxBytes),
			"keep": duration(c.Store.Keep), "seen": duration(c.Store.Seen)},
		"llm":     c.showModels(),
		"storm":   section{"episodes": c.Storm.Episodes, "asked": c.Storm.Asked},
		"suggest": c.showSuggest(),
		"sinks":   c.showSinks(),
	}
	var tokens []section
	for _, t := range c.Tokens {
		tokens = append(tokens, section{"name": t.Name, "scopes": t.Scopes})
	}
	all["auth"] = section{"tokens": tokens}
	if p, e := c.Prometheus, c.Evidence; p != nil {
		all["prometheus"] = section{"url": p.URL, "token_file": p.TokenFile, "timeout": duration(e.PerQuery), "total": duration(e.Total),
			"max_queries": e.Queries, "parallel": e.Parallel, "max_facts": e.Facts, "max_series": e.Series}
	}
	if a := c.Alertmanager; a != nil {
		all["alertmanager"] = section{"url": a.URL, "token_file": a.TokenFile, "receiver": a.Receiver,
			"timeout": duration(a.Timeout), "reconcile": duration(c.Reconcile)}
	}
	var exporters []section
	for _, x := range c.Exporters {
		exporters = append(exporters, section{"instance": x.Instance, "url": x.URL, "token_file": x.TokenFile, "top": x.Top, "timeout": duration(x.Timeout),
			"basic_auth": section{"username": x.User, "password_file": x.PasswordFile}})
	}
	all["exporters"] = exporters
	all["geo"] = section{"databases": c.Geo.Databases, "overrides": c.Geo.Overrides}
	return json.Marshal(prune(all))
}

func (c Config) showModels() section {
	var providers []section
	for _, p := range c.Model.Providers {
		providers = append(providers, section{
			"name": p.Name, "base_url": p.BaseURL, "model": p.Model, "api_key_file": p.KeyFile, "api_key_header": p.KeyHeader,
			"timeout": duration(p.Timeout), "temperature": p.Temperature, "max_tokens": p.MaxTokens,
			"price": section{"prompt": p.Price.Prompt, "completion": p.Price.Completion}, "proxy": p.Proxy,
			"allow_http": leaves(p) && strings.HasPrefix(p.BaseURL, "http:"), "allow_values": leaves(p) && c.Values,
		})
	}
	privacy := privacies[0]
	if c.Values {
		privacy = privacies[1]
	}
	budget, breaker := c.Model.Budget, c.Model.Breaker
	return section{
		"prompt_privacy": privacy, "providers": providers, "cache": section{"ttl": duration(c.CacheTTL)}, "learn": duration(c.Model.Learn),
		"budget": section{"calls_per_minute": budget.CallsPerMinute, "tokens_per_day": budget.TokensPerDay,
			"reserve_critical": fmt.Sprintf("%.0f%%", 100*budget.ReserveCritical)},
		"breaker": section{"failures": breaker.Failures, "open": duration(breaker.Open), "auth_open": duration(breaker.AuthOpen)},
	}
}

// leaves tells whether questions to a provider leave this host.
func leaves(p model.Provider) bool {
	for _, text := range []string{p.BaseURL, p.Proxy} {
		if u, err := url.Parse(text); text != "" && (err != nil || !local(u)) {
			return true
		}
	}
	return false
}

func (c Config) showSuggest() section {
	s := c.Suggest
	return section{"enabled": &s.Enabled, "max_ttl": duration(s.MaxTTL), "max_open": s.MaxOpen,
		"min_prefix": section{"ipv4": s.IPv4Bits, "ipv6": s.IPv6Bits}, "protected": s.Protected}
}

func (c Config) showSinks() section {
	sinks := section{}
	if g := c.Grafana; g != nil {
		var dashboards []section
		for _, p := range g.Places {
			match := section{}
			for name, pattern := range p.Match {
				match[name] = pattern.String()
			}
			dashboards = append(dashboards, section{"match": match, "uid": p.UID, "panel": p.Panel})
		}
		sinks["grafana"] = section{"url": g.URL, "token_file": g.TokenFile, "timeout": duration(g.Timeout), "dashboards": dashboards}
	}
	var receivers []section
	for _, n := range c.Notify {
		o, f := n.Options, n.Filter
		var on []string
		for _, m := range messages(&f) {
			if *m.on {
				on = append(on, m.word)
			}
		}
		receivers = append(receivers, section{
			"name": o.Name, "format": o.Format, "url": hostOf(o.URL), "url_file": o.URLFile, "token_file": o.TokenFile,
			"secret_file": o.SecretFile, "timeout": duration(o.Timeout), "on": on, "min_severity": f.MinSeverity,
		})
	}
	sinks["notify"] = receivers
	return sinks
}

// hostOf returns a URL without its path.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return prometheus.Duration(d).String()
}

func size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return yamlfile.ShowSize(bytes)
}

// prune takes away what is zero or empty. What is a pointer is there if it is not nil.
func prune(s section) section {
	for key, value := range s {
		switch value := value.(type) {
		case section:
			if len(prune(value)) == 0 {
				delete(s, key)
			}
		case []section:
			for _, element := range value {
				prune(element)
			}
		}
		if v := reflect.ValueOf(s[key]); !v.IsValid() || v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
			delete(s, key)
		}
	}
	return s
}
