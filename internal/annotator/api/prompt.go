package api

import (
	"encoding/json"

	"github.com/packetscope/packetscope/internal/annotator"
)

// A Prompt is what a model is shown, byte by byte. It is asked again with more if need be.
type Prompt struct {
	// Version is that of the wording; a change of it makes old answers worthless.
	Version int             `json:"version"`
	Mode    string          `json:"mode"`
	System  string          `json:"system"`
	User    string          `json:"user"`
	Schema  json.RawMessage `json:"schema"`
	// Appendix is what may be appended to System: the first to a server that does not enforce
	// a schema, which it then holds, and the second when an answer was refused, with a word
	// for the fault in place of CODE.
	Appendix []string `json:"appendix"`
	// Bytes is the size of the three together, without the appendix.
	Bytes int `json:"bytes"`
	// Privacy is handles, or values if addresses and names leave.
	Privacy string `json:"privacy"`
	// LeftOut is how many facts found no room, Withheld how many labels do not leave,
	// WithheldLabels their names, and Suspect the names of labels that look as if somebody
	// had planted text in them.
	LeftOut        int      `json:"left_out"`
	Withheld       int      `json:"withheld"`
	WithheldLabels []string `json:"withheld_labels"`
	Suspect        []string `json:"suspect"`
}

func promptOf(p annotator.Prompt) Prompt {
	return Prompt{
		Version: p.Version, Mode: p.Mode, System: p.System, User: p.User, Schema: p.Schema, Appendix: some(p.Appendix), Bytes: len(p.System) + len(p.User) + len(p.Schema),
		Privacy: p.Privacy, LeftOut: p.LeftOut, Withheld: p.Withheld, WithheldLabels: some(p.Hidden), Suspect: some(p.Suspect),
	}
}

func (h *Handler) prompt(q *request) (any, error) {
	values, err := q.parameters("episode")
	if err != nil {
		return nil, err
	}
	id := values.Get("episode")
	if !isID(id) {
		return nil, invalid("no episode: ask for ?episode=ID, one of /api/v1/episodes")
	}
	p, err := h.Engine.Prompt(id)
	if err != nil {
		return nil, err
	}
	return promptOf(p), nil
}
