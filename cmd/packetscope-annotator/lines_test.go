package main

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// patience is how long a test waits for what should come at once; attaching probes
// alone takes longer than this in an emulated machine.
var patience = testnet.Margin(20 * time.Second)

// lines is a writer that can be waited on for a line.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns when the text has the substring for the given time.
func (l *lines) wait(t *testing.T, substring string, times int) {
	t.Helper()
	timeout := time.After(patience)
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
