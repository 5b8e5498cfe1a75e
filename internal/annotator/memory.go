//go:build unix

package annotator

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/prompt"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// A Keeper keeps in a store what the client of models must remember.
type Keeper struct{ Store *store.Store }

const (
	stateKey = "model"
	// stateTTL is longer than anything in a state holds: a day of a budget, a pause of a
	// breaker, and quirks.
	stateTTL = 48 * time.Hour
)

// Load returns the state of the client, the zero one if there is none.
func (k Keeper) Load() (model.State, error) {
	text, ok, err := k.Store.Caps().Get(stateKey)
	if err != nil || !ok {
		return model.State{}, err
	}
	var s model.State
	if err := json.Unmarshal(text, &s); err != nil {
		return model.State{}, fmt.Errorf("read what was learned of models: %w", err)
	}
	return s, nil
}

// Save keeps the state of the client.
func (k Keeper) Save(s model.State) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return k.Store.Caps().Put(stateKey, text, stateTTL)
}

// cachedAnswer is an answer that is kept, with the handles of its question's key.
type cachedAnswer struct {
	Provider string          `json:"provider"`
	Model    string          `json:"model"`
	Answer   json.RawMessage `json:"answer"`
}

// cacheKey tells questions apart, and who is asked.
func (e *Engine) cacheKey(p prompt.Prompt) string {
	parts := []string{p.Key}
	for _, s := range e.Model.Status() {
		parts = append(parts, s.Provider, s.Model)
	}
	return shortHash(parts...) + p.Key
}

// remembered returns the answer to a question that was asked before, if it holds for the
// facts of now.
func (e *Engine) remembered(g answer.Ground, p prompt.Prompt) (model.Result, bool) {
	text, ok, err := e.Store.Cache().Get(e.cacheKey(p))
	if err != nil {
		e.Logger.Warn("cached answer not read", "err", err)
	}
	var kept cachedAnswer
	if err != nil || !ok || json.Unmarshal(text, &kept) != nil {
		return model.Result{}, false
	}
	said := p.FromCache(kept.Answer)
	if g.Check(said) != answer.OK {
		return model.Result{}, false
	}
	return model.Result{Answer: said, Provider: kept.Provider, Model: kept.Model, Cached: true}, true
}

// remember keeps an answer. That it is not kept costs a question, and is no fault.
func (e *Engine) remember(p prompt.Prompt, r model.Result) {
	text, err := json.Marshal(cachedAnswer{r.Provider, r.Model, p.ToCache(r.Answer)})
	if err == nil {
		err = e.Store.Cache().Put(e.cacheKey(p), text, e.config.Cache)
	}
	if err != nil {
		e.Logger.Warn("answer not cached", "err", err)
	}
}
