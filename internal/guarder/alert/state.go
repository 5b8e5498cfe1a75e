package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/durable"
)

// A memory is what outlives a process, as JSON in a file.
type memory struct {
	Version int `json:"version"`
	// Seen is when the counters were last known, to the minute before: so the file changes
	// little while nothing happens.
	Seen    time.Time            `json:"seen"`
	Alerts  []*Alert             `json:"alerts"`
	Rules   []guarder.RuleStatus `json:"rules"`
	Windows map[string]*window   `json:"windows"`
}

const memoryVersion = 1

// maxMemory is the size of the largest file that is read, in bytes.
const maxMemory = 64 << 20

// Memory returns what [Machine.Remember] takes.
func (m *Machine) Memory() ([]byte, error) {
	to := memory{Version: memoryVersion, Seen: m.seen.Truncate(time.Minute), Rules: m.rules, Windows: m.windows}
	for _, a := range m.alerts {
		to.Alerts = append(to.Alerts, a)
	}
	sortAlerts(to.Alerts)
	return json.Marshal(to)
}

// Remember has the machine go on where another one was. If it cannot read the text it is
// as it was.
func (m *Machine) Remember(text []byte) error {
	var from memory
	if err := json.Unmarshal(text, &from); err != nil {
		return err
	}
	if from.Version != memoryVersion {
		return fmt.Errorf("is of version %d, not %d", from.Version, memoryVersion)
	}
	alerts := make(map[string]*Alert, len(from.Alerts))
	for _, a := range from.Alerts {
		if a == nil || a.State != Pending && a.State != Firing && a.State != Resolved {
			return errors.New("has an alert without a state")
		}
		alerts[keyOf(a.Labels)] = a
	}
	for name, w := range from.Windows {
		if w == nil || len(w.Points) == 0 {
			return fmt.Errorf("has no window of %s", name)
		}
	}
	for i := range from.Rules {
		if from.Rules[i].Alert == nil {
			return fmt.Errorf("has a rule %s without an alert", nameOf(&from.Rules[i]))
		}
	}
	m.alerts, m.rules, m.windows, m.seen = alerts, from.Rules, from.Windows, from.Seen
	if m.windows == nil {
		m.windows = map[string]*window{}
	}
	return nil
}

// A File keeps the memory of a machine.
type File struct {
	// Path is that of the file; "" keeps nothing.
	Path string
	last string
}

// Load has the machine remember what is in the file. One that is not there is no error.
func (f *File) Load(m *Machine) error {
	if f.Path == "" {
		return nil
	}
	text, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(text) > maxMemory:
		return fmt.Errorf("%s has %d bytes", f.Path, len(text))
	}
	if err := m.Remember(text); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	f.last = string(text)
	return nil
}

// Save writes the file, in one piece, if something has changed. It is on the disk then.
func (f *File) Save(m *Machine) error {
	if f.Path == "" {
		return nil
	}
	text, err := m.Memory()
	if err != nil || string(text) == f.last {
		return err
	}
	if err := durable.WriteFile(f.Path, text); err != nil {
		return err
	}
	f.last = string(text)
	return nil
}

// sortAlerts gives them an order that is the same each time.
func sortAlerts(all []*Alert) {
	slices.SortFunc(all, func(a, b *Alert) int { return strings.Compare(keyOf(a.Labels), keyOf(b.Labels)) })
}
