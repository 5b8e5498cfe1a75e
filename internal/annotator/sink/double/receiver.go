package double

import (
	"io"
	"net/http"
	"sync"
)

// A Received is a request that a receiver got.
type Received struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// An Answer is what a receiver says.
type Answer struct {
	Code   int
	Header map[string]string
	Body   string
}

// A Receiver takes notifications. It answers with Script, one after the other, and
// then as Judge does, or 200 if that is nil.
type Receiver struct {
	Script []Answer
	// Judge reads a body as the real receiver would.
	Judge func(path string, body []byte) Answer

	mu       sync.Mutex
	received []Received
	refused  []Answer
}

// Received returns the requests so far.
func (r *Receiver) Received() []Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Received(nil), r.received...)
}

// Refused returns what Judge answered to bodies that it did not take.
func (r *Receiver) Refused() []Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Answer(nil), r.refused...)
}

// ServeHTTP keeps the request and answers.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a := r.answer(Received{q.Method, q.URL.RequestURI(), q.Header, body})
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Code)
	if _, err := io.WriteString(w, a.Body); err != nil && a.Code != http.StatusNoContent {
		panic(http.ErrAbortHandler)
	}
}

func (r *Receiver) answer(got Received) Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, got)
	if len(r.Script) > 0 {
		a := r.Script[0]
		r.Script = r.Script[1:]
		return a
	}
	if r.Judge == nil {
		return Answer{Code: http.StatusOK}
	}
	a := r.Judge(got.Path, got.Body)
	if a.Code >= 300 {
		r.refused = append(r.refused, a)
	}
	return a
}
