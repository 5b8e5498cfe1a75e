package guarder

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/durable"
)

// A Memory is what an agent knows of trials after a restart of the host: a file in a
// folder on disk. It is written as a whole, so that a crash leaves the old one or the
// new one.
type Memory struct {
	path string // "" remembers nothing
	past past
}

// past is the content of the file. Fields may be added.
type past struct {
	// Confirmed is the last policy that somebody has confirmed.
	Confirmed *judged `json:"confirmed,omitempty"`
	// Refused is the last policy that nobody has confirmed in time, or that somebody
	// has taken back.
	Refused *judged `json:"refused,omitempty"`
}

// judged is a policy, and when it was judged.
type judged struct {
	Policy Fingerprint `json:"policy"`
	// Rest is what is left of it as its temporary rules end, which was judged with it.
	Rest []Fingerprint `json:"rest,omitempty"`
	At   time.Time     `json:"at"`
}

// has tells whether a policy is the one that was judged, or a rest of it.
func (j *judged) has(f Fingerprint) bool {
	return j != nil && (j.Policy == f || slices.Contains(j.Rest, f))
}

// without is what is still judged when a policy is on trial again: nothing if it is the
// one that was judged, all but it if it is a rest.
func (j *judged) without(f Fingerprint) *judged {
	switch {
	case !j.has(f):
		return j
	case j.Policy == f:
		return nil
	}
	others := *j
	others.Rest = slices.DeleteFunc(slices.Clone(j.Rest), func(r Fingerprint) bool { return r == f })
	return &others
}

// memoryFile is in the folder that an agent is given.
const memoryFile = "trials.json"

// OpenMemory reads what is remembered in a folder, which is made if need be. Without a
// folder ("") nothing is remembered beyond the agent's end. A file that cannot be read
// is an error: to forget what was refused is not for us to decide.
func OpenMemory(folder string) (*Memory, error) {
	if folder == "" {
		return &Memory{}, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	m := &Memory{path: filepath.Join(folder, memoryFile)}
	text, err := os.ReadFile(m.path)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was confirmed: %w", err)
	}
	if err := json.Unmarshal(text, &m.past); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it, and policies are on trial again", m.path, err)
	}
	return m, nil
}

// Confirmed tells whether a policy was the last that was confirmed, or is what is left of
// that one.
func (m *Memory) Confirmed(f Fingerprint) bool { return m.past.Confirmed.has(f) }

// Refused tells whether a policy was the last that was not confirmed, or is what is left
// of that one and was not confirmed otherwise.
func (m *Memory) Refused(f Fingerprint) bool {
	return m.past.Refused.has(f) && !m.Confirmed(f)
}

// Begin forgets how a trial of a policy ended, as it is on trial again.
func (m *Memory) Begin(f Fingerprint) error {
	return m.restore(past{m.past.Confirmed.without(f), m.past.Refused.without(f)})
}

// restore has the memory be as it was.
func (m *Memory) restore(was past) error {
	if was == m.past {
		return nil
	}
	return m.write(was)
}

// Confirm remembers that a policy was confirmed, and with it what will be left of it.
func (m *Memory) Confirm(f Fingerprint, rest []Fingerprint, at time.Time) error {
	return m.write(past{&judged{f, rest, at}, m.past.Refused.without(f)})
}

// Refuse remembers that a policy was not confirmed. What will be left of it was not
// either, unless it was confirmed before.
func (m *Memory) Refuse(f Fingerprint, rest []Fingerprint, at time.Time) error {
	return m.write(past{m.past.Confirmed.without(f), &judged{f, rest, at}})
}

// write keeps what is to be remembered, on disk before it returns.
func (m *Memory) write(next past) error {
	m.past = next
	if m.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(m.path, append(text, '\n')); err != nil {
		return fmt.Errorf("remember the trial: %w", err)
	}
	return nil
}

// A Fingerprint tells policies apart by their text; see policy.Policy.
type Fingerprint [32]byte

// MarshalText returns the fingerprint in hexadecimal digits.
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(f[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(f) {
		return fmt.Errorf("%q is no fingerprint", text)
	}
	copy(f[:], b)
	return nil
}
