package api

import (
	"net/http"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// An Auth knows who may do what. It is [access.Tokens], or what keeps those in force.
type Auth interface {
	// Judge returns the name of who sent a request. The error is [webhook.ErrForbidden] if
	// he may do other things only; any other error is as [webhook.ErrUnknown].
	Judge(r *http.Request, needed access.Scope) (name string, err error)
}

// ForWebhook returns what judges requests to the webhook.
func ForWebhook(a Auth) webhook.Auth {
	return func(r *http.Request) error {
		_, err := a.Judge(r, access.Ingest)
		return err
	}
}
