package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/packetscope/packetscope/internal/stack"
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
}

// Names lists what the file may call the probes and their groups.
type Names struct {
	Probes, Groups []string
}

// Default returns what is in force where the file is silent.
func Default() Config {
	return Config{Stack: stack.Config{SampleEvery: stack.DefaultSampleEvery}}
}

// Load reads the file at path, or returns [Default] if path is "".
//
// A file that was named but cannot be read is an error, because a mistyped path
// would otherwise silently drop the watches. Faults in the file are an *[Error].
func Load(path string, names Names) (Config, error) {
	if path == "" {
		return Default(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, explainRead(err)
	}
	return Parse(path, data, names)
}

// explainRead adds what to do about a file that is there and cannot be read, which
// in containers surprises: root without its capabilities is a user like any other.
func explainRead(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("read config: %w (make the file readable, and the folders above it passable, for user %d)", err, os.Geteuid())
	}
	return fmt.Errorf("read config: %w", err)
}

// Parse reads the content of a file; file is its name in the faults. The error
// is an *[Error] with all of them.
func Parse(file string, data []byte, names Names) (Config, error) {
	d := decoder{lines: data}
	config := Default()
	if root := d.document(); root != nil {
		decodeConfig(&d, root, names, &config)
	}
	if len(d.faults) > 0 {
		return Config{}, newError(file, d.faults)
	}
	return config, nil
}

func decodeConfig(d *decoder, root *yaml.Node, names Names, config *Config) {
	d.mapping(root, "the file", keys{
		"stack":   func(n *yaml.Node) { decodeStack(d, n, names, &config.Stack) },
		"watches": func(n *yaml.Node) { config.Stack.Watches = decodeWatches(d, n) },
		"drops":   func(n *yaml.Node) { decodeDrops(d, n, &config.Stack) },
		"flows":   func(n *yaml.Node) { decodeFlows(d, n, config) },
		"series_limit": func(n *yaml.Node) {
			// A histogram takes fifteen series, so that less would fold nearly all.
			config.SeriesLimit = d.integer(n, 100, 1_000_000)
		},
	})
}
