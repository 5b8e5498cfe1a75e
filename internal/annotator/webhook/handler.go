package webhook

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Path is where messages are taken.
const Path = "/api/v1/alerts"

// A Handler answers Alertmanager. It is put before any [http.ServeMux], which redirects
// paths that are not clean.
type Handler struct {
	inbox  Inbox
	limits Limits
	auth   Auth
	memory atomic.Int64 // bytes of bodies that are being read or stored

	// Report, if not nil, is called with each answer, from the goroutine of the request.
	// It is set before the first request.
	Report func(Outcome)
}

// An Outcome is how a request ended.
type Outcome struct {
	// Code is of the answer: 200, 202, 400, 401, 403, 404, 405, 413 or 503.
	Code int
	// Err is why the code is neither 200 nor 202. It may hold text of the sender.
	Err error
	// Firing, Resolved, Bad and Truncated count alerts of a message that was understood.
	Firing, Resolved, Bad, Truncated int
	// Took is the time from the head of the request to the answer.
	Took time.Duration
}

// New returns a handler. Without auth everybody may send.
func New(inbox Inbox, limits Limits, auth Auth) *Handler {
	limits.Body = cmp.Or(limits.Body, 16<<20)
	limits.Memory = max(cmp.Or(limits.Memory, 16<<20), limits.Body)
	limits.Read = cmp.Or(limits.Read, 5*time.Second)
	limits.Store = cmp.Or(limits.Store, time.Second)
	return &Handler{inbox: inbox, limits: limits, auth: auth}
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	var o Outcome
	text := h.answer(w, r, &o)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(o.Code)
	fmt.Fprintln(w, text)
	if o.Took = time.Since(start); h.Report != nil {
		h.Report(o)
	}
}

// answer sets the outcome and returns what the sender is told. That never holds more of an
// error of ours than its class: paths and the like are none of a stranger's business.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, o *Outcome) string {
	refuse := func(code int, err error, text string) string {
		o.Code, o.Err = code, err
		return text
	}
	if r.URL.Path != Path {
		return refuse(http.StatusNotFound, fmt.Errorf("path is %.100q", r.URL.Path), "messages are taken at "+Path)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return refuse(http.StatusMethodNotAllowed, fmt.Errorf("method is %.20q", r.Method), "messages come by POST")
	}
	if h.auth != nil {
		if err := h.auth(r); errors.Is(err, ErrForbidden) {
			return refuse(http.StatusForbidden, err, "these credentials have no scope ingest")
		} else if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="packetscope"`)
			return refuse(http.StatusUnauthorized, err, "no or wrong credentials: set http_config.authorization of the webhook")
		}
	}
	hops, err := hopsOf(r.Header)
	if err != nil {
		return refuse(http.StatusBadRequest, err, err.Error())
	}
	if r.ContentLength > h.limits.Body {
		return refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("body of %d bytes", r.ContentLength), h.tooLarge())
	}
	release, ok := h.reserve(r.ContentLength)
	if !ok {
		return refuse(http.StatusServiceUnavailable, errors.New("too many messages at a time"), "too many messages at a time: send it again")
	}
	defer release()
	body, err := h.read(w, r)
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return refuse(http.StatusRequestEntityTooLarge, err, h.tooLarge())
	} else if err != nil {
		// What came is not what was sent, so it must come again.
		return refuse(http.StatusServiceUnavailable, fmt.Errorf("read body: %w", err), "the body did not arrive: send it again")
	}
	return h.store(r.Context(), body, hops, o, refuse)
}

// store decodes a body and hands it to the inbox.
func (h *Handler) store(ctx context.Context, body []byte, hops int, o *Outcome, refuse func(int, error, string) string) string {
	const again = "it cannot be stored now: send it again"
	ctx, cancel := context.WithTimeout(ctx, h.limits.Store)
	defer cancel()
	m, err := Decode(body)
	if errors.Is(err, ErrTooMany) {
		return refuse(http.StatusRequestEntityTooLarge, err, err.Error()+": set max_alerts of the webhook, 500 for example")
	}
	if err != nil {
		if buried := h.inbox.Bury(ctx, err.Error(), body); buried != nil {
			return refuse(http.StatusServiceUnavailable, errors.Join(err, buried), again)
		}
		return refuse(http.StatusBadRequest, err, err.Error())
	}
	for _, a := range m.Alerts {
		if a.Resolved {
			o.Resolved++
		} else {
			o.Firing++
		}
	}
	o.Bad, o.Truncated = len(m.Bad), m.Truncated
	fresh, err := h.inbox.Put(ctx, Delivery{m, body, hops})
	switch {
	case err != nil:
		return refuse(http.StatusServiceUnavailable, err, again)
	case fresh:
		o.Code = http.StatusAccepted
		return "stored"
	}
	o.Code = http.StatusOK
	return "stored before"
}

// reserve takes memory for a body, of -1 bytes if its size is not known.
func (h *Handler) reserve(size int64) (release func(), ok bool) {
	if size < 0 {
		size = h.limits.Body
	}
	if h.memory.Add(size) > h.limits.Memory {
		h.memory.Add(-size)
		return nil, false
	}
	return func() { h.memory.Add(-size) }, true
}

// read reads the body of a request, within the limits of size and time.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	// A writer of a test cannot be given a time; a server's can.
	if err := control.SetReadDeadline(time.Now().Add(h.limits.Read)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := io.Copy(&b, http.MaxBytesReader(w, r.Body, h.limits.Body))
	if err == nil {
		control.SetReadDeadline(time.Time{}) // the connection is used again
	}
	return b.Bytes(), err
}

func (h *Handler) tooLarge() string {
	return fmt.Sprintf("the message has more than %d bytes: set max_alerts of the webhook, 500 for example", h.limits.Body)
}
