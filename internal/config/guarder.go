package config

import (
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// Guarder says what to tell of Guarder beside its metrics.
type Guarder struct {
	// API serves whom rules hit under /api/v1/guarder/top. It is off by default, because it
	// tells addresses to everyone who can reach the port.
	API bool
	// Bans serves who is banned under /api/v1/guarder/bans. It is off by default for the same
	// reason.
	Bans bool
}

func decodeGuarder(d *decoder, n *yaml.Node, guarder *Guarder) {
	d.Mapping(n, "guarder", yamlfile.Keys{
		"api":  func(n *yaml.Node) { guarder.API = d.Boolean(n) },
		"bans": func(n *yaml.Node) { guarder.Bans = d.Boolean(n) },
	})
}
