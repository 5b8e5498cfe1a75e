package api

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// A Letter is what could not be worked on.
type Letter struct {
	// ID is the kind and a number, such as job-7.
	ID string `json:"id"`
	store.Letter
	// Body is what came, or was to go out. It is missing in lists, and of jobs.
	Body string `json:"body,omitempty"`
}

func letterOf(l store.Letter, body bool) Letter {
	letter := Letter{ID: fmt.Sprintf("%s-%d", l.Kind, l.ID), Letter: l}
	if body {
		letter.Body = string(l.Body)
	}
	letter.Letter.Body = nil // a list would hold the bodies of all: 128 MB of them
	return letter
}

func (h *Handler) dead(q *request) (any, error) {
	values, err := q.parameters("kind")
	if err != nil {
		return nil, err
	}
	kinds := store.Kinds
	if kind := store.Kind(values.Get("kind")); kind != "" {
		if !slices.Contains(kinds, kind) {
			return nil, invalid("unknown kind %.40q (one of message, alert, job, delivery)", string(kind))
		}
		kinds = []store.Kind{kind}
	}
	letters := []Letter{}
	for _, kind := range kinds {
		all, err := h.Store.Letters(kind)
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			letters = append(letters, letterOf(l, false))
		}
	}
	return struct {
		Dead []Letter `json:"dead"`
	}{letters}, nil
}

// find returns a letter by the name that it has here.
func (h *Handler) findLetter(id string) (store.Letter, error) {
	kind, text, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || !slices.Contains(store.Kinds, store.Kind(kind)) {
		return store.Letter{}, store.ErrUnknown
	}
	all, err := h.Store.Letters(store.Kind(kind))
	if err != nil {
		return store.Letter{}, err
	}
	i := slices.IndexFunc(all, func(l store.Letter) bool { return l.ID == n })
	if i < 0 {
		return store.Letter{}, store.ErrUnknown
	}
	return all[i], nil
}

func (h *Handler) letter(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	l, err := h.findLetter(q.id)
	if err != nil {
		return nil, err
	}
	return letterOf(l, true), nil
}

// retry works on a letter again. It is audited first: what was done is then never without
// an entry, while an entry may be of something that failed.
func (h *Handler) retry(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	l, err := h.findLetter(q.id)
	if err != nil {
		return nil, err
	}
	var m webhook.Message
	switch {
	case l.Kind == store.DeadAlert:
		return nil, conflict("an alert alone has no group: Alertmanager sends it again while it fires")
	case l.Kind == store.DeadMessage && l.Cut:
		return nil, conflict("the message was too long to be kept whole")
	case l.Kind == store.DeadMessage:
		if m, err = webhook.Decode(l.Body); err != nil {
			return nil, conflict("it still is no message: %s", err)
		}
	}
	_, err = h.Store.Audit(store.AuditEntry{Actor: q.actor, Action: "retry", Object: q.id, Detail: l.Episode})
	if err != nil {
		return nil, err
	}
	if l.Kind != store.DeadMessage {
		if err := h.Store.Revive(l.Kind, l.ID); err != nil {
			return nil, err
		}
		return letterOf(l, false), nil
	}
	if _, err := h.Inbox.Put(q.Context(), webhook.Delivery{Message: m, Body: l.Body}); err != nil {
		return nil, err
	}
	// It may have gone by another's retry meanwhile.
	if err := h.Store.Forget(l.Kind, l.ID); err != nil && !errors.Is(err, store.ErrUnknown) {
		return nil, err
	}
	return letterOf(l, false), nil
}
