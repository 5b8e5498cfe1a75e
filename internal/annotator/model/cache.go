package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// A Cache keeps answers for as long as it likes. An answer from it is checked like any other.
type Cache interface {
	Get(key string) (answer []byte, ok bool)
	Put(key string, answer []byte)
}

// cached returns an answer that was given before to the same question by a provider that
// would be asked now, also if that one cannot be reached.
func (c *Client) cached(r Request) (Result, bool) {
	if c.cache == nil || r.Key == "" {
		return Result{}, false
	}
	for _, p := range c.providers {
		text, ok := c.cache.Get(p.cacheKey(r))
		if !ok {
			continue
		}
		if answer, class, _ := r.judge(string(text)); class == OK {
			return Result{Answer: answer, Provider: p.Name, Model: p.Model, Cached: true}, true
		}
	}
	return Result{}, false
}

func (c *Client) remember(p *provider, r Request, answer []byte) {
	if c.cache != nil && r.Key != "" {
		c.cache.Put(p.cacheKey(r), answer)
	}
}

// cacheKey returns a hash of the question and of who is asked: another model, schema or way
// of asking makes it another question. What System and User say is in the Key of the request.
func (p *provider) cacheKey(r Request) string {
	temperature := "default"
	if p.Temperature != nil {
		temperature = fmt.Sprint(*p.Temperature)
	}
	hash := sha256.New()
	for _, part := range []string{r.Key, string(r.Schema), p.BaseURL, p.Model, temperature, fmt.Sprint(p.MaxTokens)} {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
