package api

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// An Engine explains. It is an [annotator.Engine]. Its methods are called from any goroutine.
type Engine interface {
	Explain(ctx context.Context, r annotator.Request) (annotator.Explained, error)
	Storm() (bool, error)
	Episodes(most int) ([]annotator.EpisodeView, error)
	Episode(id string) (annotator.EpisodeView, error)
	Prompt(episode string) (annotator.Prompt, error)
	Proposals() ([]annotator.Proposal, error)
	Decide(id, actor string, d annotator.Decision) error
	Feedback(episode, actor string, useful bool, verdict, note string) error
}

// A Store keeps what happened. It is a [store.Store].
type Store interface {
	Depth() (store.Depth, error)
	Letters(kind store.Kind) ([]store.Letter, error)
	Revive(kind store.Kind, id uint64) error
	Forget(kind store.Kind, id uint64) error
	Audit(a store.AuditEntry) (store.AuditEntry, error)
	AuditLog(from uint64, fn func(store.AuditEntry) bool) error
}

// A Models asks models. It is a [model.Client].
type Models interface {
	Status() []model.Status
	TokensLeft() (int64, bool)
}

// Options are what a Handler is made of. Engine, Store, Inbox, Config, Auth and Logger must
// be given.
type Options struct {
	Engine Engine
	Store  Store
	// Models is nil if there is none.
	Models Models
	// Inbox takes dead messages that are tried again.
	Inbox webhook.Inbox
	// Webhook answers Alertmanager at [webhook.Path]; nil: nobody does.
	Webhook http.Handler
	// Else answers requests outside of /api/ whose path is clean; nil: nobody does.
	Else http.Handler
	// Config returns the configuration in force as JSON, without secrets.
	Config func() (json.RawMessage, error)
	Auth   Auth
	Limits Limits
	Logger *slog.Logger
	// Now is the time; nil: that of the machine.
	Now func() time.Time
}

// Limits bound what those who ask can take. Zero is the default.
type Limits struct {
	// Body is the size of the largest body in bytes: 64 KiB.
	Body int64
	// Read is how long a body may take to arrive: 5 s.
	Read time.Duration
	// Write is how long an answer may take to leave: 30 s.
	Write time.Duration
	// Works is how many explanations on demand may run at a time: 4, at most 40.
	Works int
	// Work is how long one may take: 10 min.
	Work time.Duration
}

// A Handler answers requests. It may be used from any goroutine.
type Handler struct {
	Options
	routes []route
	works  *works
	cross  *http.CrossOriginProtection
}

// New returns a handler, which must be closed.
func New(o Options) *Handler {
	o.Limits.Body = cmp.Or(o.Limits.Body, 64<<10)
	o.Limits.Read = cmp.Or(o.Limits.Read, 5*time.Second)
	o.Limits.Write = cmp.Or(o.Limits.Write, 30*time.Second)
	o.Limits.Works = min(cmp.Or(o.Limits.Works, 4), 40)
	o.Limits.Work = cmp.Or(o.Limits.Work, 10*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Handler{Options: o, cross: http.NewCrossOriginProtection()}
	h.works = newWorks(o.Engine.Explain, o.Limits, o.Now)
	h.routes = h.plan()
	return h
}

// Close ends the explanations on demand that are running, and waits for them.
func (h *Handler) Close() { h.works.close() }
