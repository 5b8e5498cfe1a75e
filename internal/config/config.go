package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/packetscope/packetscope/internal/guarder/alert"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// A Config is the content of the file. [Default] is that of an empty one.
type Config struct {
	// Stack is the configuration of the Analyzer, including its watches.
	Stack stack.Config
	// SeriesLimit is the greatest number of series of one metric; 0 stands for
	// the default of package collector.
	SeriesLimit int
	// Flows says what to show of the flows; what to count of them is in Stack.
	Flows Flows
	// Guarder says what to tell of Guarder.
	Guarder Guarder
	// Geo names the files that tell of addresses.
	Geo GeoFiles
	// Alerting says whom to tell of Guarder's alerts; nil: nobody.
	Alerting *alert.Config
	// Locator says which paths to measure; nil: none.
	Locator *Locator
}

// Names lists what the file may call the probes and their groups.
type Names struct {
	Probes, Groups []string
}

// A Fault is one thing that is wrong with the file, and an Error holds all of them.
type (
	Fault = yamlfile.Fault
	Error = yamlfile.Error
)

// A decoder also gathers destinations, of the file and of lists.
type decoder struct {
	*yamlfile.Decoder
	destinations destinations
}

func newDecoder(file string, data []byte) *decoder {
	return &decoder{Decoder: yamlfile.New(file, data)}
}

// Default returns what is in force where the file is silent.
func Default() Config {
	return Config{Stack: stack.Config{SampleEvery: stack.DefaultSampleEvery}}
}

// Load reads the file at path, and the lists of destinations and the policy of paths
// that it names, or returns [Default] if path is "".
//
// A file that was named but cannot be read is an error, because a mistyped path
// would otherwise silently drop the watches. Faults in the file are an *[Error], to
// which those of other files are joined.
func Load(path string, names Names) (Config, error) {
	return load(path, names, func(d *decoder, config *Config) { d.readFiles(config) })
}

// Check returns what is wrong with the file at path and with all files that it names,
// those of [GeoFiles] included, which [Load] leaves to whoever opens them.
func Check(path string, names Names) error {
	_, err := load(path, names, func(d *decoder, config *Config) {
		d.readFiles(config)
		d.checkGeo(config.Geo)
		d.checkAlerting(config.Alerting)
	})
	return err
}

// load calls more after the file at path was decoded, and as far as it was.
func load(path string, names Names, more func(*decoder, *Config)) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, explainRead(err)
	}
	d := newDecoder(path, data)
	config := d.config(names)
	more(d, &config)
	if err := d.Err(); err != nil {
		return Config{}, err
	}
	return config, nil
}

// explainRead adds what to do about a file that is there and cannot be read.
func explainRead(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("read config: %w (%s)", err, yamlfile.PermissionCure())
	}
	return fmt.Errorf("read config: %w", err)
}

// Parse reads the content of a file, and no other file that it names; file is its name
// in the faults, and relative paths start from its folder. The error is an *[Error]
// with all faults.
func Parse(file string, data []byte, names Names) (Config, error) {
	d := newDecoder(file, data)
	config := d.config(names)
	if err := d.Err(); err != nil {
		return Config{}, err
	}
	return config, nil
}

// config decodes the file as far as it can be.
func (d *decoder) config(names Names) Config {
	config := Default()
	if root := d.Document(); root != nil {
		decodeConfig(d, root, names, &config)
	}
	return config
}

func decodeConfig(d *decoder, root *yaml.Node, names Names, config *Config) {
	d.Mapping(root, "the file", yamlfile.Keys{
		"stack":    func(n *yaml.Node) { decodeStack(d, n, names, &config.Stack) },
		"watches":  func(n *yaml.Node) { config.Stack.Watches = decodeWatches(d, n) },
		"drops":    func(n *yaml.Node) { decodeDrops(d, n, &config.Stack) },
		"flows":    func(n *yaml.Node) { decodeFlows(d, n, config) },
		"guarder":  func(n *yaml.Node) { decodeGuarder(d, n, &config.Guarder) },
		"alerting": func(n *yaml.Node) { config.Alerting = decodeAlerting(d, n) },
		"geo":      func(n *yaml.Node) { decodeGeo(d, n, &config.Geo) },
		"locator":  func(n *yaml.Node) { config.Locator = decodeLocator(d, n) },
		"series_limit": func(n *yaml.Node) {
			// A histogram takes fifteen series, so that less would fold nearly all.
			config.SeriesLimit = d.Integer(n, 100, 1_000_000)
		},
	})
}
