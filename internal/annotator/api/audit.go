package api

import (
	"errors"
	"math"

	"github.com/packetscope/packetscope/internal/annotator/store"
)

func (h *Handler) audit(q *request) (any, error) {
	values, err := q.parameters("since", "limit")
	if err != nil {
		return nil, err
	}
	since, err := number(values, "since", 0, 0, math.MaxUint64-1)
	if err != nil {
		return nil, err
	}
	most, err := number(values, "limit", 1000, 1, 10_000)
	if err != nil {
		return nil, err
	}
	entries := lines{}
	// All at once, not as a stream: a reader who is slow would keep pages of the database
	// from being used again.
	err = h.Store.AuditLog(since+1, func(e store.AuditEntry) bool {
		entries = append(entries, e)
		return uint64(len(entries)) < most
	})
	if errors.Is(err, store.ErrCorrupt) && len(entries) > 0 {
		// What is before the damage holds.
		h.Logger.Error("audit log is damaged", "after", since+uint64(len(entries)), "err", err)
		f, _ := classify(err)
		return append(entries, f.reply()), nil
	}
	return entries, err
}
