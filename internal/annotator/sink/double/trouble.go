package double

import (
	"net/http"
	"net/http/httptest"
	"sync"
)

// A Trouble is what happens to one request.
type Trouble int

// The troubles.
const (
	None Trouble = iota
	// Unheard: the connection ends before the server has seen the request.
	Unheard
	// Unanswered: the server does what it is asked, and the connection ends.
	Unanswered
	// Busy: the server answers 503 and does nothing.
	Busy
)

// A Line is the connection to a server. Next chooses the trouble of each request,
// which are counted from 0; a nil Next chooses None.
type Line struct {
	Server http.Handler
	Next   func(n int, r *http.Request) Trouble

	mu    sync.Mutex
	count int
}

// Count returns how many requests came.
func (l *Line) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// ServeHTTP passes the request on, with trouble.
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	n, trouble := l.count, None
	l.count++
	if l.Next != nil {
		trouble = l.Next(n, r)
	}
	l.mu.Unlock()
	switch trouble {
	case Unheard:
		panic(http.ErrAbortHandler)
	case Unanswered:
		l.Server.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Busy:
		http.Error(w, "busy", http.StatusServiceUnavailable)
	default:
		l.Server.ServeHTTP(w, r)
	}
}
