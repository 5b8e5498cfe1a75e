package api

import (
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

const prefix = "/api/"

// A route is a request that is answered.
type route struct {
	method, path string // {id} in the path is one name
	scope        access.Scope
	answer       func(*request) (any, error)
}

func (h *Handler) plan() []route {
	return []route{
		{http.MethodPost, "/api/v1/explain", access.Read, h.explain},
		{http.MethodGet, "/api/v1/explain/{id}", access.Read, h.explained},
		{http.MethodGet, "/api/v1/episodes", access.Read, h.episodes},
		{http.MethodGet, "/api/v1/episodes/{id}", access.Read, h.episode},
		{http.MethodGet, "/api/v1/prompt", access.Read, h.prompt},
		{http.MethodPost, "/api/v1/feedback", access.Read, h.feedback},
		{http.MethodGet, "/api/v1/suggestions", access.Approve, h.suggestions},
		{http.MethodGet, "/api/v1/suggestions/{id}", access.Approve, h.suggestion},
		{http.MethodPost, "/api/v1/suggestions/{id}/approve", access.Approve, h.approve},
		{http.MethodPost, "/api/v1/suggestions/{id}/reject", access.Approve, h.reject},
		{http.MethodGet, "/api/v1/status", access.Read, h.status},
		{http.MethodGet, "/api/v1/config", access.Read, h.config},
		{http.MethodGet, "/api/v1/dead", access.Approve, h.dead},
		{http.MethodGet, "/api/v1/dead/{id}", access.Approve, h.letter},
		{http.MethodPost, "/api/v1/dead/{id}/retry", access.Approve, h.retry},
		{http.MethodGet, "/api/v1/audit", access.Read, h.audit},
	}
}

// ServeHTTP answers a request.
//
// There is no [http.ServeMux] before a request is known to have a clean path: it redirects
// those that have none, and Alertmanager takes a redirect for a delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The limit of the last answer on the connection is no longer right. A writer of a test
	// cannot be given a time; a server's can.
	control := http.NewResponseController(w)
	control.SetWriteDeadline(time.Time{})
	switch p := r.URL.EscapedPath(); {
	case p == webhook.Path && h.Webhook != nil:
		control.SetWriteDeadline(time.Now().Add(h.Limits.Write))
		h.Webhook.ServeHTTP(w, r)
	case strings.HasPrefix(p, prefix):
		h.serve(w, r)
	case h.Else != nil && p == clean(p):
		h.Else.ServeHTTP(w, r)
	default:
		reply(w, r, h.Logger, nil, errNoPath)
	}
}

// clean returns a path as a mux would have it.
func clean(p string) string {
	c := path.Clean(p)
	if c != "/" && strings.HasSuffix(p, "/") {
		c += "/"
	}
	return c
}

// serve answers a request to the API.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, writer: w, limits: h.Limits}
	control := http.NewResponseController(w)
	if r.ContentLength != 0 {
		// Also a body that nobody wants is read before the next request.
		control.SetReadDeadline(time.Now().Add(h.Limits.Read))
	}
	route, err := h.find(q)
	if err == nil {
		q.actor, err = h.Auth.Judge(r, route.scope)
		err = refused(err, route.scope)
	}
	if err == nil && h.cross.Check(r) != nil {
		err = fault{http.StatusForbidden, "a page of another site sent this"}
	}
	var answer any
	if err == nil {
		answer, err = route.answer(q)
	}
	control.SetWriteDeadline(time.Now().Add(h.Limits.Write))
	reply(w, r, h.Logger, answer, err)
}

// refused returns what somebody is told who may not do what he asked for.
func refused(err error, scope access.Scope) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, webhook.ErrForbidden):
		return fault{http.StatusForbidden, "this takes a token with the scope " + string(scope) + ": see auth.tokens in the configuration"}
	}
	return fault{http.StatusUnauthorized, "no or wrong credentials: send Authorization: Bearer TOKEN"}
}

// find returns the route of a request and sets its id.
func (h *Handler) find(q *request) (route, error) {
	var allow []string
	for _, t := range h.routes {
		id, ok := match(t.path, q.URL.Path)
		switch {
		case !ok:
		case t.method == q.Method, t.method == http.MethodGet && q.Method == http.MethodHead:
			q.id = id
			return t, nil
		default:
			allow = append(allow, t.method)
		}
	}
	if allow == nil {
		return route{}, errNoPath
	}
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	q.writer.Header().Set("Allow", strings.Join(allow, ", "))
	return route{}, fault{http.StatusMethodNotAllowed, "use " + allow[0]}
}

// match tells whether a path is one of a pattern, and which name stands for {id}.
func match(pattern, path string) (id string, ok bool) {
	before, after, named := strings.Cut(pattern, "{id}")
	if !named {
		return "", path == pattern
	}
	id, ok = strings.CutPrefix(path, before)
	if ok {
		id, ok = strings.CutSuffix(id, after)
	}
	return id, ok && isID(id)
}

// isID tells whether a text is such as the names of things here are.
func isID(id string) bool {
	for i := range len(id) {
		if c := id[i]; c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return id != "" && len(id) <= 64
}
