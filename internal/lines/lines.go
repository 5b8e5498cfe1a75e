package lines

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// Patience is how long a test waits for what should come at once; attaching probes
// alone takes longer than this in an emulated machine.
var Patience = testnet.Margin(20 * time.Second)

// Lines is a writer that can be waited on for a line. It may be used from any goroutine.
type Lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

// New returns an empty one.
func New() *Lines { return &Lines{more: make(chan struct{})} }

// Write implements io.Writer; it keeps a copy.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

// String returns all that was written so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Wait returns when the text has the substring for the given time, and fails the test if
// that does not come to pass within Patience.
func (l *Lines) Wait(t testing.TB, substring string, times int) {
	t.Helper()
	timeout := time.After(Patience)
	for {
		l.mu.Lock()
		text, more := l.text.String(), l.more
		l.mu.Unlock()
		if strings.Count(text, substring) >= times {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("no %q in:\n%s", substring, text)
		}
	}
}
