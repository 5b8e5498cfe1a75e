package model

import "time"

// Status is how a provider is, for people and metrics.
type Status struct {
	Provider string
	Model    string
	// Mode and Quirks are what was learned, or what is tried first.
	Mode   Mode
	Quirks Quirks
	// Skip says why it is left out until the time Until, or is "".
	Skip  Skip
	Until time.Time
}

// Status returns how the providers are, in their order.
func (c *Client) Status() []Status {
	now := time.Now()
	var all []Status
	for _, p := range c.providers {
		quirks := c.memory.recall(p, now)
		closed := p.gate.state(now)
		all = append(all, Status{p.Name, p.Model, quirks.mode(), quirks, closed.skip, closed.again})
	}
	return all
}

// TokensLeft returns how many tokens the budget still has for today, reserve included, or
// false if there is no limit.
func (c *Client) TokensLeft() (int64, bool) {
	limit := c.ledger.config.TokensPerDay
	if limit == 0 {
		return 0, false
	}
	return max(0, limit-c.ledger.state(time.Now()).Tokens), true
}
