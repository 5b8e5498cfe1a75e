package config

import (
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// MaxTopFlows is the greatest Flows.Top, as it is in package collector.
const MaxTopFlows = 100

// Flows says what to show of the flows.
type Flows struct {
	// Top is how many have series of their own; 0 stands for the default of package
	// collector.
	Top int
	// API serves the table under /api/v1/flows. It is off by default, because it
	// tells who talks to whom to everyone who can reach the port.
	API bool
}

func decodeFlows(d *decoder, n *yaml.Node, config *Config) {
	d.Mapping(n, "flows", yamlfile.Keys{
		"ipv4_prefix": func(n *yaml.Node) { config.Stack.Flows.IPv4Prefix = d.Integer(n, 1, 32) },
		"ipv6_prefix": func(n *yaml.Node) { config.Stack.Flows.IPv6Prefix = d.Integer(n, 1, 128) },
		// Below some thousand the kernel's lists of free entries per CPU take them all.
		"max":       func(n *yaml.Node) { config.Stack.Flows.Max = d.Integer(n, 1024, stack.MaxMaxFlows) },
		"forwarded": func(n *yaml.Node) { config.Stack.Flows.Forwarded = d.Boolean(n) },
		"top":       func(n *yaml.Node) { config.Flows.Top = d.Integer(n, 1, MaxTopFlows) },
		"api":       func(n *yaml.Node) { config.Flows.API = d.Boolean(n) },
	})
}
