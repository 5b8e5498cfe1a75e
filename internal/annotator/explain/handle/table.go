package handle

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
)

// A Kind is what a handle stands for; it is the first letter of the handle.
type Kind byte

// The kinds.
const (
	Host        Kind = 'H' // a host that PacketScope runs on
	Destination Kind = 'D' // a destination that Locator measures
	Source      Kind = 'S' // a remote address or network
	Router      Kind = 'R' // a hop on a path
	Port        Kind = 'P' // a port of a service
	Geo         Kind = 'G' // a file of geography or a blocklist
	Metric      Kind = 'M' // a metric
	Query       Kind = 'Q' // a query in PromQL
	Command     Kind = 'C' // a command for the host, written by us
)

// MostOfAKind is how many handles of one kind there may be.
const MostOfAKind = 99

var kinds = []Kind{Host, Destination, Source, Router, Port, Geo, Metric, Query, Command}

// NotAName is what stands for a value that has not the form of its kind.
const NotAName = "(not a name)"

// A Table maps handles to values. The zero Table is empty and ready. It may be used from
// one goroutine at a time.
type Table struct {
	values map[Kind][]string
	names  map[Kind]map[string]string
}

// Name returns the handle of a value, a new one if it has none yet. It returns false if
// the table is full.
func (t *Table) Name(k Kind, value string) (string, bool) {
	if name, ok := t.names[k][value]; ok {
		return name, true
	}
	if len(t.values[k]) >= MostOfAKind {
		return "", false
	}
	if t.values == nil {
		t.values, t.names = make(map[Kind][]string), make(map[Kind]map[string]string)
	}
	if t.names[k] == nil {
		t.names[k] = make(map[string]string)
	}
	t.values[k] = append(t.values[k], value)
	name := fmt.Sprintf("%c%d", k, len(t.values[k]))
	t.names[k][value] = name
	return name, true
}

// Room returns how many values of each kind still get a handle, whatever they are.
func (t *Table) Room() int {
	most := 0
	for _, values := range t.values {
		most = max(most, len(values))
	}
	return MostOfAKind - most
}

// Value returns what a handle stands for, as it was given to Name: strangers may have
// written it.
func (t *Table) Value(name string) (Kind, string, bool) {
	if !Form.MatchString(name) {
		return 0, "", false
	}
	k := Kind(name[0])
	i, err := strconv.Atoi(name[1:])
	if err != nil || i > len(t.values[k]) {
		return 0, "", false
	}
	return k, t.values[k][i-1], true
}

// Form is that of a handle, and embedded finds handles in a text.
var (
	Form       = regexp.MustCompile(`^[HDSRPGMQC][1-9][0-9]?$`)
	pathForm   = regexp.MustCompile(`^(?:/[A-Za-z0-9_.-]+)+$`)
	metricForm = regexp.MustCompile(`^[a-z][a-z0-9_:]{0,99}$`)
	embedded   = regexp.MustCompile(`\b[HDSRPGMQC][1-9][0-9]?\b`)
)

// Expand returns a text with the handles of hosts, addresses, ports, metrics and files replaced by
// what they stand for, for people. A value without the form of its kind becomes
// [NotAName]. Whoever shows the text still has to escape it.
func (t *Table) Expand(text string) string {
	return embedded.ReplaceAllStringFunc(text, func(name string) string {
		k, value, ok := t.Value(name)
		if !ok {
			return name
		}
		switch k {
		case Query, Command:
			return name
		case Port:
			return "port " + shown(k, value)
		}
		return shown(k, value)
	})
}

func shown(k Kind, value string) string {
	if !HasForm(k, value) {
		return NotAName
	}
	return value
}

// HasForm tells whether a value has the form of its kind.
func HasForm(k Kind, value string) (ok bool) {
	switch k {
	case Source, Router:
		ok = clean.IsNetwork(value)
	case Geo:
		ok = clean.IsHost(value) || len(value) <= 255 && pathForm.MatchString(value)
	case Metric:
		ok = metricForm.MatchString(value)
	case Port:
		n, err := strconv.ParseUint(value, 10, 16)
		ok = err == nil && strconv.FormatUint(n, 10) == value
	default:
		ok = clean.IsHost(value)
	}
	return ok
}

// MarshalJSON writes the values by their kind.
func (t *Table) MarshalJSON() ([]byte, error) {
	out := make(map[string][]string)
	for k, values := range t.values {
		out[string(rune(k))] = values
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Table) UnmarshalJSON(data []byte) error {
	var in map[string][]string
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read handles: %w", err)
	}
	*t = Table{}
	for _, k := range kinds {
		for i, value := range in[string(rune(k))] {
			if name, ok := t.Name(k, value); !ok || name != fmt.Sprintf("%c%d", k, i+1) {
				return fmt.Errorf("read handles: %c has a value twice, or more than %d", k, MostOfAKind)
			}
		}
		delete(in, string(rune(k)))
	}
	for k := range in {
		return fmt.Errorf("read handles: unknown kind %q", k)
	}
	return nil
}
