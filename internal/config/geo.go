package config

import (
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// GeoFiles are the files that tell where addresses are and whose they are. They are
// opened by package geo, which puts up with one that is missing as yet.
type GeoFiles struct {
	// Databases are in MaxMind's format; the first that knows something counts.
	Databases []string
	// Overrides are files for own networks, in YAML or CSV.
	Overrides []string
	// Blocklists are lists of prefixes and AS numbers.
	Blocklists []string
	// BlocklistMaxAge is how old a list may be to say that something is not on it; 0:
	// any age.
	BlocklistMaxAge time.Duration
}

func (g GeoFiles) equal(other GeoFiles) bool {
	return slices.Equal(g.Databases, other.Databases) && slices.Equal(g.Overrides, other.Overrides) &&
		slices.Equal(g.Blocklists, other.Blocklists) && g.BlocklistMaxAge == other.BlocklistMaxAge
}

func decodeGeo(d *decoder, n *yaml.Node, files *GeoFiles) {
	d.Mapping(n, "geo", yamlfile.Keys{
		"databases":  func(n *yaml.Node) { files.Databases = d.Paths(n, "geo.databases") },
		"overrides":  func(n *yaml.Node) { files.Overrides = d.Paths(n, "geo.overrides") },
		"blocklists": func(n *yaml.Node) { files.Blocklists = d.Paths(n, "geo.blocklists") },
		"blocklist_max_age": func(n *yaml.Node) {
			files.BlocklistMaxAge = d.Duration(n, time.Hour, 10*365*24*time.Hour)
		},
	})
}
