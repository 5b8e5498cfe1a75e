package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/exporter"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// A Config is the content of the file. [Default] is that of an empty one. What is not of
// a file, such as loggers, is left to whoever makes the parts.
type Config struct {
	Listen Listen
	Links  Links
	Tokens access.Tokens
	Store  store.Config
	// Prometheus is nil if there is none to ask. Its timeout is that of Evidence.
	Prometheus *remote.Options
	Evidence   evidence.Limits
	// Alertmanager is nil if there is none to ask.
	Alertmanager *alertmanager.Options
	// Reconcile is how often Alertmanager is asked.
	Reconcile time.Duration
	// Exporters are those that may be asked about the host of an alert.
	Exporters []exporter.Options
	// Geo names the files that tell of addresses.
	Geo GeoFiles
	// Model has no providers if no model is to be asked.
	Model model.Config
	// Values says that addresses and names may be in what models are asked.
	Values bool
	// CacheTTL is for how long answers of models are kept.
	CacheTTL time.Duration
	Storm    Storm
	Suggest  Suggest
	// Grafana is nil if there is none to annotate.
	Grafana *sink.GrafanaOptions
	Notify  []Notify
}

// Load reads the file at path, and the hashes, certificates and networks that it names,
// or returns [Default] if path is "".
//
// Faults in the file are a *[yamlfile.Error], to which those of other files are joined.
func Load(path string) (Config, error) { return load(path, false) }

// Check returns what is wrong with the file at path and with all files that it names,
// those with secrets included. It looks at nothing beyond this host.
func Check(path string) error {
	_, err := load(path, true)
	return err
}

func load(path string, check bool) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Config{}, fmt.Errorf("read config: %w (%s)", err, yamlfile.PermissionCure())
	case err != nil:
		return Config{}, fmt.Errorf("read config: %w", err)
	}
	d, config := newDecoder(path, data), Default()
	d.decode(&config)
	for _, read := range d.reads {
		read()
	}
	if check {
		for _, check := range d.checks {
			check()
		}
	}
	if err := d.Err(); err != nil {
		return Config{}, err
	}
	return config, nil
}

// Parse reads the content of a file, and no other file that it names; file is its name
// in the faults, and relative paths start from its folder. The error is a
// *[yamlfile.Error] with all faults.
func Parse(file string, data []byte) (Config, error) {
	d, config := newDecoder(file, data), Default()
	d.decode(&config)
	if err := d.Err(); err != nil {
		return Config{}, err
	}
	return config, nil
}

// A decoder also remembers what to do with the other files that are named.
type decoder struct {
	*yamlfile.Decoder
	// reads take over what is in files, checks look at those that are read later.
	reads, checks []func()
}

func newDecoder(file string, data []byte) *decoder {
	d := &decoder{Decoder: yamlfile.New(file, data)}
	d.Unknown = d.unknown
	return d
}

// decode decodes the file as far as it can be. What is read from others goes to where it
// points in c.
func (d *decoder) decode(c *Config) {
	root := d.Document()
	if root == nil {
		return
	}
	d.Mapping(root, "the file", yamlfile.Keys{
		"listen":       func(n *yaml.Node) { d.listen(n, c) },
		"links":        func(n *yaml.Node) { d.links(n, &c.Links) },
		"auth":         func(n *yaml.Node) { d.auth(n, &c.Tokens) },
		"store":        func(n *yaml.Node) { d.store(n, &c.Store) },
		"prometheus":   func(n *yaml.Node) { d.prometheus(n, c) },
		"alertmanager": func(n *yaml.Node) { d.alertmanager(n, c) },
		"exporters":    func(n *yaml.Node) { d.exporters(n, c) },
		"geo":          func(n *yaml.Node) { d.geo(n, &c.Geo) },
		"llm":          func(n *yaml.Node) { d.llm(n, c) },
		"storm":        func(n *yaml.Node) { d.storm(n, &c.Storm) },
		"suggest":      func(n *yaml.Node) { d.suggest(n, &c.Suggest) },
		"sinks":        func(n *yaml.Node) { d.sinks(n, c) },
	})
	c.link()
}
