package model

// Usage is what was spent.
type Usage struct {
	PromptTokens, CompletionTokens int64
	// Cost is in the currency of [Price].
	Cost float64
	// Estimated: a server did not tell its tokens, or could not any more.
	Estimated bool
}

// Tokens returns all tokens.
func (u Usage) Tokens() int64 { return u.PromptTokens + u.CompletionTokens }

func (u Usage) plus(v Usage) Usage {
	return Usage{
		PromptTokens:     u.PromptTokens + v.PromptTokens,
		CompletionTokens: u.CompletionTokens + v.CompletionTokens,
		Cost:             u.Cost + v.Cost,
		Estimated:        u.Estimated || v.Estimated,
	}
}

func usage(attempts []Attempt) Usage {
	var sum Usage
	for _, a := range attempts {
		sum = sum.plus(a.Usage)
	}
	return sum
}

// at returns the usage with its cost.
func (u Usage) at(p Price) Usage {
	u.Cost = (float64(u.PromptTokens)*p.Prompt + float64(u.CompletionTokens)*p.Completion) / 1e6
	return u
}

// usage returns what a reply cost. That an error came says that nothing was made; who was
// cut off or ran out of time may have made, and billed, all of it.
func (c call) usage(out reply) Usage {
	if out.spent && !out.told {
		answer := c.provider.MaxTokens
		if out.class.said() {
			answer = tokens(len(out.text))
		}
		out.usage = Usage{PromptTokens: c.estimate(0), CompletionTokens: answer, Estimated: true}
	}
	return out.usage.at(c.provider.Price)
}

// estimate returns about how many tokens a call and its answer take, rather too many.
func (c call) estimate(answer int64) int64 {
	r := c.request
	return tokens(len(r.system(c.quirks, c.wrong))+len(r.User)+len(r.Schema)) + answer
}

// tokens is a guess from above: a token of English words or JSON has three bytes or more.
func tokens(bytes int) int64 { return int64(bytes+2) / 3 }
