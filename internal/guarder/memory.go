package guarder

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
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
	At     time.Time   `json:"at"`
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

// Confirmed tells whether a policy was the last that was confirmed.
func (m *Memory) Confirmed(f Fingerprint) bool {
	return m.past.Confirmed != nil && m.past.Confirmed.Policy == f
}

// Refused tells whether a policy was the last that was not confirmed.
func (m *Memory) Refused(f Fingerprint) bool {
	return m.past.Refused != nil && m.past.Refused.Policy == f
}

// Begin forgets how a trial of a policy ended, as it is on trial again.
func (m *Memory) Begin(f Fingerprint) error {
	next := m.past
	if m.Confirmed(f) {
		next.Confirmed = nil
	}
	if m.Refused(f) {
		next.Refused = nil
	}
	return m.restore(next)
}

// restore has the memory be as it was.
func (m *Memory) restore(was past) error {
	if was == m.past {
		return nil
	}
	return m.write(was)
}

// Confirm remembers that a policy was confirmed.
func (m *Memory) Confirm(f Fingerprint, at time.Time) error {
	next := past{Confirmed: &judged{f, at}, Refused: m.past.Refused}
	if m.Refused(f) {
		next.Refused = nil
	}
	return m.write(next)
}

// Refuse remembers that a policy was not confirmed.
func (m *Memory) Refuse(f Fingerprint, at time.Time) error {
	next := past{Confirmed: m.past.Confirmed, Refused: &judged{f, at}}
	if m.Confirmed(f) {
		next.Confirmed = nil
	}
	return m.write(next)
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
	if err := replaceFile(m.path, append(text, '\n')); err != nil {
		return fmt.Errorf("remember the trial: %w", err)
	}
	return nil
}

// replaceFile writes a file that only its owner may read, as a whole.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".trials-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it was renamed
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	// The name is on disk when the folder is.
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
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
