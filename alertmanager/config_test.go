package alertmanager

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// The parts of Alertmanager's configuration that the file uses, so that a misspelt
// key is found without Alertmanager, whose own package brings half a cloud along.
// Receivers are decoded no further than their kind.
type (
	configuration struct {
		Global       map[string]string `yaml:"global"`
		Route        route             `yaml:"route"`
		InhibitRules []inhibition      `yaml:"inhibit_rules"`
		Receivers    []receiver        `yaml:"receivers"`
	}
	route struct {
		Receiver       string   `yaml:"receiver"`
		Continue       bool     `yaml:"continue"`
		Matchers       []string `yaml:"matchers"`
		GroupBy        []string `yaml:"group_by"`
		GroupWait      duration `yaml:"group_wait"`
		GroupInterval  duration `yaml:"group_interval"`
		RepeatInterval duration `yaml:"repeat_interval"`
		Routes         []route  `yaml:"routes"`
	}
	inhibition struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
		Equal  []string `yaml:"equal"`
	}
	receiver struct {
		Name    string    `yaml:"name"`
		Webhook []webhook `yaml:"webhook_configs"`
		Slack   []slack   `yaml:"slack_configs"`
		Email   []email   `yaml:"email_configs"`
	}
	webhook struct {
		URL          string   `yaml:"url"`
		URLFile      string   `yaml:"url_file"`
		SendResolved bool     `yaml:"send_resolved"`
		Timeout      duration `yaml:"timeout"`
		MaxAlerts    int      `yaml:"max_alerts"`
		HTTP         struct {
			FollowRedirects *bool `yaml:"follow_redirects"`
			Authorization   struct {
				CredentialsFile string `yaml:"credentials_file"`
			} `yaml:"authorization"`
		} `yaml:"http_config"`
	}
	slack struct {
		URLFile      string `yaml:"api_url_file"`
		Channel      string `yaml:"channel"`
		SendResolved bool   `yaml:"send_resolved"`
		Title        string `yaml:"title"`
		Text         string `yaml:"text"`
	}
	email struct {
		To           string `yaml:"to"`
		From         string `yaml:"from"`
		Smarthost    string `yaml:"smarthost"`
		Username     string `yaml:"auth_username"`
		PasswordFile string `yaml:"auth_password_file"`
	}
	duration time.Duration
)

// retention is for how long Alertmanager remembers by default what it sent. What is
// repeated later is repeated too early.
const retention = 120 * time.Hour

func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	parsed, err := model.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*d = duration(parsed)
	return nil
}

// decode refuses keys that the structs do not have.
func decode(text string) (configuration, error) {
	var c configuration
	d := yaml.NewDecoder(bytes.NewReader([]byte(text)))
	d.KnownFields(true)
	return c, d.Decode(&c)
}

// flatten returns the routes in the order in which they are tried, the root first,
// with what they inherit filled in.
func (c configuration) flatten() []route {
	routes := []route{c.Route}
	for _, r := range c.Route.Routes {
		r.GroupBy = orElse(r.GroupBy, c.Route.GroupBy)
		for _, time := range []struct{ own, root *duration }{
			{&r.GroupWait, &c.Route.GroupWait}, {&r.GroupInterval, &c.Route.GroupInterval}, {&r.RepeatInterval, &c.Route.RepeatInterval},
		} {
			if *time.own == 0 {
				*time.own = *time.root
			}
		}
		routes = append(routes, r)
	}
	return routes
}

func orElse(own, root []string) []string {
	if own == nil {
		return root
	}
	return own
}

var matcher = regexp.MustCompile(`^[a-z_]+(=|!=|=~|!~)"[^"]*"$`)

// faults returns what is wrong with a configuration.
func faults(text string) []string {
	c, err := decode(text)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	add := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	checkMatchers := func(all ...string) {
		for _, m := range all {
			if !matcher.MatchString(m) {
				add("matcher %s is none", m)
			}
		}
	}
	used := map[string]bool{}
	for _, r := range c.flatten() {
		used[r.Receiver] = true
		if !slices.ContainsFunc(c.Receivers, func(d receiver) bool { return d.Name == r.Receiver }) {
			add("receiver %q is not defined", r.Receiver)
		}
		checkMatchers(r.Matchers...)
		if r.GroupWait >= r.GroupInterval || r.GroupInterval > r.RepeatInterval || time.Duration(r.RepeatInterval) >= retention {
			add("the times of receiver %q are in the wrong order", r.Receiver)
		}
	}
	for _, r := range c.Receivers {
		if !used[r.Name] {
			add("receiver %q is not used", r.Name)
		}
	}
	for _, rule := range c.InhibitRules {
		checkMatchers(append(rule.Source, rule.Target...)...)
		for _, label := range []string{"cluster", "job", "instance"} {
			if !slices.Contains(rule.Equal, label) {
				add("%s of one %s silences another", strings.Join(rule.Source, ","), label)
			}
		}
	}
	return found
}
