package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/stack"
)

// adoptionAgent is an agent that reads its files when it is told to, and puts nothing in
// force.
type adoptionAgent struct {
	guarder.Administered // panics for what is not asked here

	mu     sync.Mutex
	status guarder.Status
	before []guarder.RuleStatus
	orders []guarder.Order
	// refuses, if not nil, is the answer to who applies.
	refuses error
	// late, if not nil, is the answer although it does so.
	late error
	// blind has it see other files than its paths say.
	blind bool
	told  []string
}

func (a *adoptionAgent) Status() (guarder.Status, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status, nil
}

func (a *adoptionAgent) Apply(o guarder.Order) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told, a.orders = append(a.told, "apply"), append(a.orders, o)
	if a.refuses != nil {
		return a.refuses
	}
	options := policy.Options{Now: epoch}
	if a.status.Ceiling == "audit" {
		options.Ceiling = policy.Audit
	}
	p, faults := policy.Load(a.status.Files, options)
	if p == nil {
		return fmt.Errorf("%v", faults)
	}
	a.before, a.status.Rules = a.status.Rules, nil
	for _, r := range p.Rules {
		if a.blind && !r.Until.IsZero() {
			continue
		}
		a.status.Rules = append(a.status.Rules, guarder.RuleStatus{
			Group: r.Group, Rule: r.Name, Mode: r.Mode.String(), Asks: r.Asks.String(), Action: r.Action.String(), Place: r.At.String(),
		})
	}
	a.status.Applied, a.status.ConfirmBy = time.Now(), nil
	if within := p.Life.ConfirmWithin; within > 0 {
		by := epoch.Add(within)
		a.status.ConfirmBy = &by
	}
	return a.late
}

func (a *adoptionAgent) Confirm() error  { return a.settle("confirm", false) }
func (a *adoptionAgent) Rollback() error { return a.settle("rollback", true) }

func (a *adoptionAgent) settle(what string, back bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, what)
	if a.status.ConfirmBy == nil {
		return guarder.ErrNoTrial
	}
	if a.status.ConfirmBy = nil; back {
		a.status.Rules = a.before
	}
	return nil
}

// An adoptionStage is a host on which something may be adopted.
type adoptionStage struct {
	agent *adoptionAgent
	// folder is where the agent looks for what is adopted, base its other file.
	folder, base, socket string
	// annotator answers at address, and keeps what it is told.
	annotator http.HandlerFunc
	address   string
	approvals []string
	token     string
	facts     *host.Facts
	flows     []stack.Flow
	openErr   error
	// typed is what somebody types into the terminal; nil if there is none.
	typed io.Reader
	stdin io.Reader
}

const adoptionBase = "version: 1\ngroups:\n- name: base\n  mode: enforce\n  rules:\n  - {rule: discard, match: {proto: udp, dst_port: 9}, action: drop}\n"

// ttlOf is one hour from the epoch of the tests.
const adoptedUntil = "2023-11-14T23:13:20Z"

func newAdoptionStage(t *testing.T) *adoptionStage {
	t.Helper()
	s := &adoptionStage{folder: t.TempDir(), base: filepath.Join(t.TempDir(), "base.yaml"), socket: filepath.Join(t.TempDir(), "s"), facts: sshHost()}
	s.write(t, s.base, adoptionBase)
	s.agent = &adoptionAgent{status: guarder.Status{
		Files: []string{s.folder, s.base}, Folders: []string{s.folder}, Ceiling: "enforce", InForce: guarder.InForcePolicy, Devices: []guarder.DeviceStatus{{Name: "eth0", Hook: guarder.Native}},
	}}
	if err := s.agent.Apply(guarder.Order{}); err != nil {
		t.Fatal(err)
	}
	s.agent.told, s.agent.orders = nil, nil
	l, err := guarder.ListenAdmin(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: guarder.AdminHandler(s.agent)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	s.annotator = s.answer(map[string]any{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.annotator(w, r) }))
	t.Cleanup(web.Close)
	s.address = web.URL
	s.token = filepath.Join(t.TempDir(), "token")
	s.write(t, s.token, "secret\n")
	return s
}

func (s *adoptionStage) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// proposedRule is as the annotator writes it.
const proposedRule = `# Proposed by the annotator.
version: 1
groups:
- name: ai-0123456789ab
  mode: enforce
  rules:
  - rule: drop
    match: {src: ["203.0.113.0/24"], proto: tcp, dst_port: 443}
    action: drop
    labels: {origin: annotator}
`

// answer returns an annotator that has one proposal, with some fields changed.
func (s *adoptionStage) answer(changes map[string]any) http.HandlerFunc {
	p := map[string]any{
		"id": "ab12cd34ef56", "episode": "0123456789ab", "state": "pending", "by": "model", "action": "drop", "ttl": "2h0m0s", "yaml": proposedRule,
		"warnings": []string{}, "created": epoch.Add(-time.Minute), "ends": epoch.Add(time.Hour),
	}
	for key, value := range changes {
		p[key] = value
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":{"code":"unauthorized","message":"no or wrong credentials"}}`)
		case r.Method == http.MethodGet && r.URL.Path == "/api/v1/suggestions/ab12cd34ef56":
			json.NewEncoder(w).Encode(p)
		case r.Method == http.MethodPost && r.URL.Path == "/api/v1/suggestions/ab12cd34ef56/approve":
			body, _ := io.ReadAll(r.Body)
			s.approvals = append(s.approvals, string(body))
			json.NewEncoder(w).Encode(p)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"error":{"code":"unknown","message":"there is no suggestion of this name"}}`)
		}
	}
}

// adopt runs the verb.
func (s *adoptionStage) adopt(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	args = append([]string{"guard", "adopt", "--socket=" + s.socket, "--annotator=" + s.address, "--token-file=" + s.token, "--reason=seen"}, args...)
	if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--observe=") }) {
		args = append(args, "--observe=1ms")
	}
	w := newWorld(args...)
	w.engine.flows = func() stack.FlowTable { return stack.FlowTable{Flows: s.flows} }
	w.openErr = s.openErr
	w.env.guardHost = func() (*host.Facts, error) { return s.facts, nil }
	w.env.terminal = func() bool { return s.typed != nil }
	if w.env.stdin = s.stdin; s.typed != nil {
		w.env.stdin = s.typed
	}
	err = run(t.Context(), w.env)
	if w.opened != nil && s.openErr == nil && w.engine.closed != 1 {
		t.Errorf("the probes were closed %d times", w.engine.closed)
	}
	return w.stdout.String(), w.stderr.String(), err
}

// files are the names of what is in the folder.
func (s *adoptionStage) files(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// unchanged fails if anything was put in force, or stayed behind.
func (s *adoptionStage) unchanged(t *testing.T) {
	t.Helper()
	status, err := s.agent.Status()
	if err != nil || len(status.Rules) != 1 {
		t.Errorf("in force: %+v, %v", status.Rules, err)
	}
	if left := s.files(t); left != nil {
		t.Errorf("left behind: %q", left)
	}
	if s.approvals != nil {
		t.Errorf("the annotator was told %q", s.approvals)
	}
}

// flow is one of TCP that a peer has with port 443 here.
func flowOf(addr string, received, sent uint64, rtt time.Duration) stack.Flow {
	a := netip.MustParseAddr(addr)
	return stack.Flow{
		FlowKey:    stack.FlowKey{Remote: netip.PrefixFrom(a, a.BitLen()), ServicePort: 443, Protocol: packet.TCP, Role: stack.Server},
		FlowCounts: stack.FlowCounts{ReceivedPackets: received, SentPackets: sent}, Address: a, RTT: rtt,
	}
}

var errNoProbes = errors.New("no probes in tests")

// hasAll returns the first part that a text has not, or "".
func hasAll(text string, parts ...string) string {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return part
		}
	}
	return ""
}
