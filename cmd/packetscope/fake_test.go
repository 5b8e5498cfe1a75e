package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/stack"
)

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// fakeEngine stands in for the Analyzer.
type fakeEngine struct {
	self   stack.Self
	needs  []string
	closed int
	// snapshotting, if not nil, makes Snapshot announce itself on it and wait
	// until it can do so.
	snapshotting chan chan struct{}
	watchErr     error
	closeErr     error

	mu      sync.Mutex
	watches []stack.Watch
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{
		needs: []string{kernel.CapSysAdmin},
		self: stack.Self{NamespacesCovered: 3, NamespacesUncovered: 1, Probes: []stack.Probe{
			{Name: "link_receive", Hook: "tp_btf:netif_receive_skb", Family: stack.Tracepoint, Attached: true},
			{
				Name: "transport_receive", Hook: "netfilter:input", Family: stack.Net, Attached: true,
				Reason: "kernel has no trampolines\nand no kprobes",
			},
			{Name: "qdisc_transmit", Hook: "tp_btf:qdisc_dequeue", Family: stack.Tracepoint, Reason: "no such tracepoint (Linux 5.8)"},
		}},
	}
}

func (f *fakeEngine) Snapshot() (stack.Snapshot, error) {
	if f.snapshotting != nil {
		proceed := make(chan struct{})
		f.snapshotting <- proceed
		<-proceed
	}
	return stack.Snapshot{Traffic: []stack.Traffic{{
		Layer: stack.Link, Direction: stack.Receive, Kind: stack.TCP4, Class: stack.Physical, Packets: 23, Bytes: 1234,
	}}}, nil
}

func (f *fakeEngine) Self() (stack.Self, error) { return f.self, nil }

func (f *fakeEngine) SetWatches(watches []stack.Watch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watchErr != nil {
		return f.watchErr
	}
	f.watches = watches
	return nil
}

// watchNames returns the names of the watches in force.
func (f *fakeEngine) watchNames() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, w := range f.watches {
		names = append(names, w.Name)
	}
	return names
}

func (f *fakeEngine) NeedsAfterAttach() []string { return f.needs }

func (f *fakeEngine) Close() error {
	f.closed++
	return f.closeErr
}

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

// world is an env that stands for a capable host, and what it records.
type world struct {
	env
	engine         *fakeEngine
	stdout, stderr *lines
	hangups        chan os.Signal
	// opened is the config that the engine was opened with, nil before that.
	opened *stack.Config
	// openErr, if not nil, is returned instead of the engine.
	openErr error
	// kept is the last argument of drop.
	kept []string
}

// epoch is the time in tests. It does not pass.
var epoch = time.Unix(1_700_000_000, 500_000_000)

func newWorld(args ...string) *world {
	w := &world{engine: newFakeEngine(), stdout: newLines(), stderr: newLines(), hangups: make(chan os.Signal, 1)}
	w.env = env{
		args:    args,
		stdout:  w.stdout,
		stderr:  w.stderr,
		now:     func() time.Time { return epoch },
		host:    fakeHost(kernel.CapBPF, kernel.CapPerfmon, kernel.CapNetAdmin),
		names:   config.Names{Probes: []string{"link_receive"}, Groups: stack.ProbeGroups()},
		hangups: func() <-chan os.Signal { return w.hangups },
		open: func(cfg stack.Config, _ *slog.Logger) (engine, error) {
			w.opened = &cfg
			if w.openErr != nil {
				return nil, w.openErr
			}
			return w.engine, nil
		},
		drop: func(keep []string) ([]string, error) {
			w.kept = keep
			return keep, nil
		},
	}
	return w
}

// fakeHost is a host with the named capabilities on which all is well but that
// it has no types.
func fakeHost(held ...string) kernel.Host {
	set := map[string]bool{}
	for _, name := range held {
		set[name] = true
	}
	root := fstest.MapFS{}
	for path, text := range map[string]string{
		"proc/sys/kernel/osrelease": "6.18.44\n",
		"proc/self/uid_map":         "0 0 4294967295\n",
		"proc/mounts":               "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
	} {
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return kernel.Host{
		Root: root, Held: set,
		BTF:        func() (*kernel.BTF, error) { return nil, errors.New("no types in tests") },
		Trampoline: func() error { return kernel.Missing("trampolines", "5.5") },
	}
}

// service is a running serve.
type service struct {
	*world
	url    string
	cancel context.CancelFunc
	ended  chan error
}

// start runs the verb that the arguments name, which must be serve, and returns
// when it listens.
func (w *world) start(t *testing.T) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{world: w, cancel: cancel, ended: make(chan error, 1)}
	addresses := make(chan net.Addr, 1)
	w.env.listening = func(a net.Addr) { addresses <- a }
	w.env.args = append([]string{"serve", "--web.listen-address=127.0.0.1:0"}, w.env.args...)
	go func() { s.ended <- run(ctx, w.env) }()
	select {
	case a := <-addresses:
		s.url = "http://" + a.String()
	case err := <-s.ended:
		t.Fatalf("ended before it listened: %v\n%s", err, w.stderr)
	case <-time.After(patience):
		t.Fatal("does not listen")
	}
	t.Cleanup(cancel)
	return s
}

// startReady is start, and waits for the probes to be attached.
func (w *world) startReady(t *testing.T) *service {
	t.Helper()
	s := w.start(t)
	w.stderr.wait(t, "msg=ready", 1)
	return s
}

// stop ends the service as a signal would, and returns its error.
func (s *service) stop(t *testing.T) error {
	t.Helper()
	s.cancel()
	return s.wait(t)
}

// wait waits for the service to end by itself, and returns its error.
func (s *service) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		t.Fatal("does not end")
		return nil
	}
}

// An answer is a status and the text that came with it.
type answer struct {
	Status int
	Text   string
}

// ask sends a request and returns the answer.
func (s *service) ask(t *testing.T, method, path string) answer {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, strings.TrimSpace(string(body))}
}

// series returns the lines of a scrape whose metric begins with one of the
// prefixes.
func (s *service) series(t *testing.T, path string, prefixes ...string) []string {
	t.Helper()
	got := s.ask(t, http.MethodGet, path)
	if got.Status != http.StatusOK {
		t.Fatalf("GET %s: %+v", path, got)
	}
	var found []string
	for line := range strings.Lines(got.Text) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(line, prefix) {
				found = append(found, strings.TrimSpace(line))
				break
			}
		}
	}
	return found
}
