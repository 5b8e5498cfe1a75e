package pathmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// DocumentVersion is that of [Document]. Fields may be added to it without a new one.
const DocumentVersion = 1

// A Document is a map as JSON.
type Document struct {
	Version int `json:"packetscope_path_map"`
	// Kernel is its release, and Filter what chose the packets, "" for all.
	Kernel  string            `json:"kernel"`
	Filter  string            `json:"filter,omitempty"`
	Seconds float64           `json:"duration_seconds"`
	Packets map[string]uint64 `json:"packets"`
	Nodes   []NodeDocument    `json:"nodes"`
	Edges   []EdgeDocument    `json:"edges"`
	Fates   []FateDocument    `json:"fates"`
}

// A NodeDocument is a function by direction and protocol.
type NodeDocument struct {
	Function  string    `json:"function"`
	Layer     Layer     `json:"layer"`
	Direction Direction `json:"direction"`
	Protocol  string    `json:"protocol"`
	// Packets came to the function, each counted once.
	Packets uint64 `json:"packets"`
	TimesDocument
}

// An EdgeDocument is a step.
type EdgeDocument struct {
	Source    string    `json:"source"`
	Target    string    `json:"target"`
	Direction Direction `json:"direction"`
	Protocol  string    `json:"protocol"`
	Samples   uint64    `json:"samples"`
	TimesDocument
}

// A FateDocument is how packets ended.
type FateDocument struct {
	Fate     string `json:"fate"`
	Protocol string `json:"protocol"`
	Packets  uint64 `json:"packets"`
}

// A TimesDocument is Times. The mean and the variance are those of the natural logarithm of
// nanoseconds.
type TimesDocument struct {
	Timed       uint64  `json:"timed"`
	Seconds     float64 `json:"seconds"`
	LogMean     float64 `json:"log_mean"`
	LogVariance float64 `json:"log_variance"`
}

func newTimesDocument(t Times) TimesDocument {
	if t.Count == 0 {
		return TimesDocument{}
	}
	return TimesDocument{t.Count, t.Sum.Seconds(), t.logs / float64(t.Count), t.variance()}
}

// Typical is as for [Times.Typical].
func (t TimesDocument) Typical() time.Duration {
	if t.Timed == 0 {
		return 0
	}
	return time.Duration(math.Round(math.Exp(t.LogMean)))
}

// NewDocument returns a graph as a document without what is known of the host.
func NewDocument(g Graph) Document {
	d := Document{Version: DocumentVersion, Packets: g.Packets, Nodes: []NodeDocument{}, Edges: []EdgeDocument{}, Fates: []FateDocument{}}
	if d.Packets == nil {
		d.Packets = map[string]uint64{}
	}
	for _, f := range g.Functions {
		d.Nodes = append(d.Nodes, NodeDocument{f.Name, LayerOf(f.Name), f.Direction, f.Protocol, f.Packets, newTimesDocument(f.Times)})
	}
	for _, s := range g.Steps {
		d.Edges = append(d.Edges, EdgeDocument{s.Source, s.Target, s.Direction, s.Protocol, s.Samples, newTimesDocument(s.Times)})
	}
	for _, e := range g.Ends {
		d.Fates = append(d.Fates, FateDocument{e.Fate, e.Protocol, e.Packets})
	}
	return d
}

// ReadDocument reads one. The error says where in the text something is wrong.
func ReadDocument(r io.Reader) (Document, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Document{}, err
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return d, located(text, err)
	}
	if d.Version != DocumentVersion {
		return d, fmt.Errorf("this is no path map of version %d (its packetscope_path_map is %d): write one with packetscope trace map --format=json", DocumentVersion, d.Version)
	}
	return d, nil
}

// located adds the line and column of an error in JSON.
func located(text []byte, err error) error {
	var at int64
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	default:
		return err
	}
	line, column := 1, 1
	for _, c := range text[:min(max(at-1, 0), int64(len(text)))] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Errorf("%d:%d: %w", line, column, err)
}
