//go:build unix

package annotator

import (
	"context"

	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// Inbox returns the store as what stands behind the webhook.
func (e *Engine) Inbox() webhook.Inbox { return inbox{e} }

type inbox struct{ engine *Engine }

// Put stores a delivery. A question about its episode that a model works on is given up, as
// it is about what was.
func (i inbox) Put(ctx context.Context, d webhook.Delivery) (fresh bool, err error) {
	return i.engine.put(ctx, d)
}

func (i inbox) Bury(ctx context.Context, fault string, body []byte) error {
	return i.engine.Store.Bury(ctx, fault, body)
}

func (e *Engine) put(ctx context.Context, d webhook.Delivery) (fresh bool, err error) {
	return e.putMessage(ctx, toMessage(d))
}

func (e *Engine) putMessage(ctx context.Context, m store.Message) (fresh bool, err error) {
	receipt, err := e.Store.Put(ctx, m)
	if err != nil {
		return false, err
	}
	if receipt.Fresh {
		e.asking.interrupt(receipt.Episode)
	}
	return receipt.Fresh, nil
}

func toMessage(d webhook.Delivery) store.Message {
	m := store.Message{
		Key: d.Key(), Group: d.Group, Episode: d.Episode(), Severity: d.Severity(), Resolved: d.Resolved,
		Started: d.Started(), Truncated: d.Truncated, Body: d.Body, Hops: d.Hops,
	}
	for _, a := range d.Alerts {
		m.Alerts = append(m.Alerts, store.Alert{Fingerprint: a.Fingerprint, StartsAt: a.StartsAt, EndsAt: a.EndsAt})
	}
	for _, b := range d.Bad {
		m.Bad = append(m.Bad, store.BadAlert{Fault: b.Fault, Raw: b.Raw})
	}
	return m
}

// Report counts an answer of the webhook, as its handler's Report.
func (e *Engine) Report(o webhook.Outcome) { e.Tally.webhook(o) }
