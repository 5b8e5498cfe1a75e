package model

import (
	"context"
	"time"
)

// A round is one request on its way through the providers.
type round struct {
	client   *Client
	request  Request
	attempts []Attempt
	err      error // the last one

	again   []time.Time // when those that were left out, or failed, may be asked
	anytime bool        // one of them may be well again at any time
}

// ask asks one provider: down the ladder until it takes the request, and once more if the
// answer is wrong. It returns nil if there is no answer, and whether the others are not to
// be asked either.
func (r *round) ask(ctx context.Context, p *provider) (answer []byte, done bool) {
	var key string
	if p.KeyFile != "" {
		var err error
		if key, err = readKey(p.KeyFile); err != nil {
			r.skip(p, refusal{skip: SkipNoKey, lasting: true})
			r.err = err
			r.client.logger.Warn("model has no key", "provider", p.Name, "err", err)
			return nil, false
		}
	}
	if refused := p.gate.enter(key, time.Now()); refused.skip != "" {
		r.skip(p, refused)
		return nil, false
	}
	timed, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	last, answer := r.descend(timed, p, key)
	class := last.class
	if ctx.Err() != nil && !class.said() {
		class = ""
	}
	now := time.Now()
	p.gate.leave(class, last.retryAfter, key, now)
	r.client.save()
	if last.class.Transient() {
		r.comeBack(p.gate.state(now))
	}
	return answer, last.class.said()
}

// descend makes requests until one is answered, or another would be no use. It returns the
// last reply, whose class is "" if there was none.
func (r *round) descend(ctx context.Context, p *provider, key string) (last reply, answer []byte) {
	call := call{provider: p, request: r.request, key: key, quirks: r.client.memory.first(p, time.Now())}
	tells := call.quirks.TellSchema
	for {
		hold, refused := r.client.ledger.take(call.estimate(p.MaxTokens), r.request.Critical, time.Now())
		if refused.skip != "" {
			r.skip(p, refused)
			if last.class == BadRequest {
				r.client.memory.pause(p, call.quirks, time.Now())
			}
			return last, nil
		}
		r.client.save() // before it is spent, so that a crash in a loop does not spend it again
		start := time.Now()
		var code string
		last = call.do(ctx)
		if last.class == OK {
			answer, last.class, code = r.request.judge(last.text)
		}
		last.usage = call.usage(last)
		r.client.ledger.settle(hold, last.usage.Tokens(), time.Now())
		r.note(call, last, code, time.Since(start))
		if next, ok := call.quirks.after(last.fault); ok {
			call.quirks = next
			continue
		} else if last.class == BadRequest && last.fault.steps() {
			r.client.memory.forget(p) // the server may have learned something itself
		}
		if last.class.said() && last.fault == (fault{}) {
			works := call.quirks
			works.TellSchema = tells || works.TellSchema && last.class == OK
			r.client.learn(p, works)
		}
		if !last.class.wrong() || call.wrong != "" {
			return last, answer
		}
		call.wrong = code
		if last.class == InvalidJSON && call.quirks.mode() == JSONSchema {
			call.quirks.TellSchema = true // nobody enforced it
		}
	}
}

// skip notes that a provider was not asked.
func (r *round) skip(p *provider, why refusal) {
	r.attempts = append(r.attempts, Attempt{Provider: p.Name, Skip: why.skip})
	if !why.lasting {
		r.comeBack(why)
	}
}

// comeBack notes when it makes sense to ask again.
func (r *round) comeBack(why refusal) {
	if why.again.IsZero() {
		r.anytime = true
	} else {
		r.again = append(r.again, why.again)
	}
}

// note notes a request.
func (r *round) note(c call, out reply, code string, took time.Duration) {
	attempt := Attempt{
		Provider: c.provider.Name, Mode: c.quirks.mode(), Class: out.class, Status: out.status,
		Code: code, Took: took, Usage: out.usage,
	}
	if out.class != Auth {
		attempt.Message = told(out.fault.message, c.key)
	}
	r.attempts = append(r.attempts, attempt)
	r.err = out.err
	r.client.logger.Debug("asked model", "provider", attempt.Provider, "mode", attempt.Mode,
		"class", out.class, "status", out.status, "took_seconds", took.Seconds())
}

func (r *round) result(p *provider, answer []byte) Result {
	return Result{
		Answer: answer, Provider: p.Name, Model: p.Model,
		Mode: r.attempts[len(r.attempts)-1].Mode, Usage: usage(r.attempts), Attempts: r.attempts,
	}
}
