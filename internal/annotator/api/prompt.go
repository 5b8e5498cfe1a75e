package api

import (
	"encoding/json"

	"github.com/packetscope/packetscope/internal/annotator"
)

// A Prompt is what a model is shown, byte by byte.
type Prompt struct {
	// Version is that of the wording; a change of it makes old answers worthless.
	Version int             `json:"version"`
	Mode    string          `json:"mode"`
	System  string          `json:"system"`
	User    string          `json:"user"`
	Schema  json.RawMessage `json:"schema"`
	// Bytes is the size of the three together.
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
		Version: p.Version, Mode: p.Mode, System: p.System, User: p.User, Schema: p.Schema, Bytes: len(p.System) + len(p.User) + len(p.Schema),
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
