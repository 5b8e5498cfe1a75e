package config

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/remote"
	"gopkg.in/yaml.v3"
)

// url returns the base URL of a server, as text and in parts; "" and nil in case of a
// fault. Faults do not show it, as it may hold a password.
func (d *decoder) url(n *yaml.Node) (string, *url.URL) {
	text, ok := d.urlText(n)
	if !ok {
		return "", nil
	}
	u, err := remote.ParseBase(text)
	if err != nil {
		cure := "write it such as http://127.0.0.1:9090"
		switch parsed, _ := url.Parse(text); {
		case parsed != nil && parsed.User != nil:
			cure = "secrets stand in files of their own"
		case parsed != nil && parsed.Host != "" && strings.HasPrefix(parsed.Scheme, "http"):
			cure = "leave that out"
		}
		d.Fault(n, cure, "%v", err)
		return "", nil
	}
	return text, u
}

// urlText is Text without showing it.
func (d *decoder) urlText(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!str" {
		d.Fault(n, "write it such as http://127.0.0.1:9090", "want a URL")
		return "", false
	}
	return d.Text(n)
}

// local tells whether a URL leads to this host. Of names only one is sure to.
func local(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
