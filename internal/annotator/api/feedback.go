package api

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

// An Opinion is what a person thinks of the explanation of an episode.
type Opinion struct {
	Episode string `json:"episode"`
	Useful  *bool  `json:"useful"` // must be there
	// RightVerdict is what it should have said, if it is known.
	RightVerdict string `json:"right_verdict,omitempty"`
	Note         string `json:"note,omitempty"`
}

// check returns what is wrong with an opinion.
func (o Opinion) check() error {
	switch {
	case !isID(o.Episode):
		return invalid("episode %.40q is not the name of one", o.Episode)
	case o.Useful == nil:
		return invalid("useful is missing: true or false")
	case o.RightVerdict != "" && answer.Verdict(o.RightVerdict).Words() == "":
		return invalid("unknown right_verdict %.40q", o.RightVerdict)
	}
	return text("note", o.Note, mostReason)
}

func (h *Handler) feedback(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	var o Opinion
	if err := q.body(&o); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	err := h.Engine.Feedback(o.Episode, q.actor, *o.Useful, o.RightVerdict, o.Note)
	if err != nil {
		return nil, err
	}
	return o, nil
}
