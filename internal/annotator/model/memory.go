package model

import (
	"fmt"
	"sync"
	"time"
)

// State is what must outlive the process. Its JSON is stable.
type State struct {
	// Quirks are by the provider's name.
	Quirks map[string]Learned `json:"quirks,omitempty"`
	// Pauses are until when a provider asked to be left alone.
	Pauses map[string]time.Time `json:"pauses,omitempty"`
	Spent  Spent                `json:"spent"`
}

// A Keeper keeps a State. Load returns the zero State if there is none.
type Keeper interface {
	Load() (State, error)
	Save(State) error
}

// A memory holds what was learned of providers.
type memory struct {
	keeper Keeper
	learn  time.Duration

	mu     sync.Mutex
	quirks map[string]Learned
	// begun are the ways that were to be tried when the budget ended a question.
	begun map[string]Learned

	saving sync.Mutex
}

// recall returns what is known of a provider, or the zero Quirks.
func (m *memory) recall(p *provider, now time.Time) Quirks {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.quirks[p.Name].of(p, now)
}

// of returns the quirks if they are still those of a provider, or the zero Quirks.
func (l Learned) of(p *provider, now time.Time) Quirks {
	if l.BaseURL != p.BaseURL || l.Model != p.Model || !now.Before(l.Until) {
		return Quirks{}
	}
	return l.Quirks
}

// goOn is how long a question that the budget ended is gone on with where it was: the budget
// of the next minute is enough for the rest of the ladder, and nothing proves it yet.
const goOn = 5 * time.Minute

// pause remembers how a provider was to be asked next.
func (m *memory) pause(p *provider, q Quirks, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun[p.Name] = Learned{q, p.BaseURL, p.Model, now.Add(goOn)}
}

// first returns how to ask a provider first: as is known of it, or where it was begun.
func (m *memory) first(p *provider, now time.Time) Quirks {
	if known := m.recall(p, now); known != (Quirks{}) {
		return known
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begun[p.Name].of(p, now)
}

// note remembers quirks, and reports whether that is news. What is known already is not kept
// for longer by that: else a busy server would never be tried anew.
func (m *memory) note(p *provider, q Quirks, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.begun, p.Name)
	if m.quirks[p.Name].of(p, now) == q {
		return false
	}
	m.quirks[p.Name] = Learned{q, p.BaseURL, p.Model, now.Add(m.learn)}
	return true
}

// forget starts anew with a provider.
func (m *memory) forget(p *provider) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.quirks, p.Name)
	delete(m.begun, p.Name)
}

// learn remembers how a provider took a request.
func (c *Client) learn(p *provider, q Quirks) {
	if c.memory.note(p, q, time.Now()) {
		c.logger.Info("learned quirks of model", "provider", p.Name, "mode", q.mode(),
			"max_completion_tokens", q.MaxCompletionTokens, "no_temperature", q.NoTemperature,
			"tell_schema", q.TellSchema)
		c.save()
	}
}

// State returns what must outlive the process, as the Keeper gets it.
func (c *Client) State() State {
	now := time.Now()
	state := State{Quirks: map[string]Learned{}, Pauses: map[string]time.Time{}, Spent: c.ledger.state(now)}
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	for _, p := range c.providers {
		if known, ok := c.memory.quirks[p.Name]; ok && now.Before(known.Until) {
			state.Quirks[p.Name] = known
		}
		if closed := p.gate.state(now); closed.skip == SkipRate {
			state.Pauses[p.Name] = closed.again
		}
	}
	return state
}

// restore takes over what the Keeper has. Whatever it says, no provider is left out for
// longer than one may ask for, and nothing is believed for longer than it is kept.
func (c *Client) restore() error {
	if c.memory.keeper == nil {
		return nil
	}
	state, err := c.memory.keeper.Load()
	if err != nil {
		return fmt.Errorf("read what is known of models: %w", err)
	}
	now := time.Now()
	for name, known := range state.Quirks {
		if known.Until.After(now.Add(c.memory.learn)) {
			known.Until = now.Add(c.memory.learn)
		}
		c.memory.quirks[name] = known
	}
	for _, p := range c.providers {
		if until := state.Pauses[p.Name]; until.After(now) {
			p.gate.close(refusal{skip: SkipRate, again: earlier(until, now.Add(maxRetryAfter))})
		}
	}
	c.ledger.spent = state.Spent
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// save hands the state to the Keeper. That it cannot is no reason to leave an alert
// unexplained.
func (c *Client) save() {
	if c.memory.keeper == nil {
		return
	}
	c.memory.saving.Lock()
	defer c.memory.saving.Unlock()
	if err := c.memory.keeper.Save(c.State()); err != nil {
		c.logger.Warn("cannot keep what is known of models", "err", err)
	}
}
