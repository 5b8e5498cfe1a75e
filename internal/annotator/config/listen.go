package config

import (
	"net"
	"os"
	"strconv"

	"github.com/packetscope/packetscope/internal/annotator/webhook"
	"github.com/packetscope/packetscope/internal/yamlfile"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"gopkg.in/yaml.v3"
)

// A Listen says how the annotator is reached.
type Listen struct {
	// Address is a host, which may be empty, and a port.
	Address string
	// WebConfig is the path of a file for exporter-toolkit, or "".
	WebConfig string
	// Limits are those of Alertmanager's messages.
	Limits webhook.Limits
}

// Links are URLs for people, or "".
type Links struct {
	Annotator, Grafana string
}

func (d *decoder) listen(n *yaml.Node, c *Config) {
	l := &c.Listen
	d.Mapping(n, "listen", yamlfile.Keys{
		"address":    func(n *yaml.Node) { l.Address = d.address(n) },
		"web_config": func(n *yaml.Node) { l.WebConfig = d.webConfig(n, c) },
		"max_body": func(n *yaml.Node) {
			l.Limits.Body = d.Size(n, 64<<10, 256<<20)
			// What several messages may take together: as in the defaults, one that is largest.
			l.Limits.Memory = max(l.Limits.Body, 16<<20)
		},
	})
}

// address returns a host, which may be empty, and a port; "" in case of a fault.
func (d *decoder) address(n *yaml.Node) string {
	text, ok := d.Text(n)
	if !ok {
		return ""
	}
	_, port, err := net.SplitHostPort(text)
	if number, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || number == 0 {
		d.Fault(n, `such as ":10143" or "127.0.0.1:10143"`, "bad address %q", text)
		return ""
	}
	return text
}

// webConfig returns the path of a file. What does not go with the annotator is a fault of the
// config, as alerts would get lost. The check has the toolkit judge the rest.
func (d *decoder) webConfig(n *yaml.Node, c *Config) string {
	path := d.Path(n)
	if path == "" {
		return ""
	}
	var web map[string]yaml.Node
	var readErr, formErr error
	d.reads = append(d.reads, func() {
		var data []byte
		if data, readErr = os.ReadFile(path); readErr == nil {
			formErr = yaml.Unmarshal(data, &web)
		}
		if _, limits := web["rate_limit"]; limits {
			d.Fault(n, "remove rate_limit from "+path, "rate_limit answers 429, which Alertmanager does not repeat soon: alerts get lost")
		}
		if _, users := web["basic_auth_users"]; users && len(c.Tokens) > 0 {
			d.Fault(n, "remove auth.tokens, or basic_auth_users from "+path, "a request has one Authorization, either of basic_auth_users or of auth.tokens")
		}
	})
	d.checks = append(d.checks, func() {
		if readErr != nil {
			d.Unreadable(path, readErr)
		} else if formErr != nil {
			d.Fault(n, "", "%s: %s", path, oneLine(formErr.Error()))
		} else if err := toolkit.Validate(path); err != nil {
			d.Fault(n, "", "%s: %s", path, oneLine(err.Error()))
		}
	})
	return path
}

func (d *decoder) links(n *yaml.Node, l *Links) {
	d.Mapping(n, "links", yamlfile.Keys{
		"annotator": func(n *yaml.Node) { l.Annotator, _ = d.url(n) },
		"grafana":   func(n *yaml.Node) { l.Grafana, _ = d.url(n) },
	})
}
