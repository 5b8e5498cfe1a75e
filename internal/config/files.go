package config

import (
	"errors"
	"os"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/policy"
)

// readFiles reads what the config names and the engines want to have read for them.
func (d *decoder) readFiles(config *Config) {
	if l := config.Locator; l != nil && l.PolicyFile != "" {
		l.Config.Policy = d.readPolicy(l.PolicyFile)
	}
}

// readPolicy returns nil in case of a fault.
func (d *decoder) readPolicy(path string) *policy.Policy {
	data, err := os.ReadFile(path)
	if err != nil {
		d.unreadable(path, err)
		return nil
	}
	p, err := policy.Parse(path, data)
	if err != nil {
		d.others = append(d.others, err)
	}
	return p
}

// unreadable records that a file cannot be read, where path or a pattern of it stands.
func (d *decoder) unreadable(path string, err error) {
	cure := ""
	switch {
	case errors.Is(err, os.ErrPermission):
		cure = permissionCure()
	case errors.Is(err, os.ErrNotExist):
		cure = "correct the path, or make the file"
	}
	d.fault(d.named[path], cure, "%v", err)
}

// checkGeo records what is wrong with the files that tell of addresses.
func (d *decoder) checkGeo(files GeoFiles) {
	all := geo.Open(geo.Config{Databases: files.Databases, Overrides: files.Overrides}).Status()
	all = append(all, geo.OpenBlocklists(geo.BlockConfig{Files: files.Blocklists}).Status()...)
	for _, s := range all {
		var inside *geo.Fault
		switch {
		case s.Err == nil:
		case errors.As(s.Err, &inside):
			d.others = append(d.others, s.Err)
		default:
			d.unreadable(s.Path, s.Err)
		}
	}
}
