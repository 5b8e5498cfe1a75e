package main

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/stack"
)

func TestAdoptPutsAProposalInForceForATime(t *testing.T) {
	s := newAdoptionStage(t)
	s.flows = []stack.Flow{
		flowOf("203.0.113.7", 300, 300, 0), // a flood gets answers too
		flowOf("198.51.100.7", 100, 90, time.Millisecond),
		flowOf("192.0.2.10", 1000, 1000, 0), // this host
	}
	stdout, stderr, err := s.adopt(t, "--yes", "ab12cd34ef56")
	if err != nil || stderr != "" {
		t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	want := `proposal ab12cd34ef56 of the annotator at ` + s.address + `
made by the model for episode 0123456789ab, pending, for 2h0m0s

    # Proposed by the annotator.
    version: 1
    groups:
    - name: ai-0123456789ab
      mode: enforce
      rules:
      - rule: drop
        match: {src: ["203.0.113.0/24"], proto: tcp, dst_port: 443}
        action: drop
        labels: {origin: annotator}

ai-0123456789ab/drop drops, until 2023-11-14T23:13:20Z: proto tcp and src in 203.0.113.0/24 and dst_port 443
live traffic of 1ms: 400 packets in 2 flows; 0 connections of TCP established
it matches 300 packets (75.0 %) in 1 flow, and 0 connections
of these, 0 packets (0.0 %) in 0 flows come from peers that this host talks to
ab12cd34ef56 is adopted until 2023-11-14T23:13:20Z (packetscope guard adopt --drop ab12cd34ef56 ends it before)
`
	if diff := cmp.Diff(want, stdout); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text, err := os.ReadFile(filepath.Join(s.folder, "adopted-ab12cd34ef56.yaml"))
	if missing := hasAll(string(text), "# Adopted at 2023-11-14T22:13:20Z for 1h0m0s from proposal ab12cd34ef56", "until: "+adoptedUntil+"\n", "{origin: annotator, proposal: ab12cd34ef56}"); err != nil || missing != "" {
		t.Errorf("%v, %q is not in\n%s", err, missing, text)
	}
	if diff := cmp.Diff([]guarder.Order{{Operator: s.facts.Operator}}, s.agent.orders, cmpopts.EquateComparable(host.Connection{})); diff != "" {
		t.Errorf("the agent was told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`{"ttl":"1h0m0s","reason":"seen","matched_share":0}`}, s.approvals); diff != "" {
		t.Errorf("the annotator was told (-want +got):\n%s", diff)
	}
	out, _, err := s.adopt(t, "--list")
	if want := "NAME          STATE    UNTIL                 LEFT    RULES\nab12cd34ef56  enforce  2023-11-14T23:13:20Z  1h0m0s  ai-0123456789ab/drop\n"; err != nil || out != want {
		t.Errorf("%v\n%s", err, out)
	}
	if _, _, err := s.adopt(t, "--yes", "ab12cd34ef56"); err == nil || !strings.Contains(err.Error(), "is adopted already, until "+adoptedUntil) {
		t.Errorf("adopted twice: %v", err)
	}
	s.annotator = s.answer(map[string]any{"id": "ab12cd34ef57"})
	s.approvals = nil
	if out, _, err := s.adopt(t, "--drop=ab12cd34ef56"); err != nil || out != "ab12cd34ef56 is ended, and its file removed\n" {
		t.Errorf("%q, %v", out, err)
	}
	s.unchanged(t)
	if out, _, err := s.adopt(t, "--list"); err != nil || out != "nothing is adopted in "+s.folder+"\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// TestAdoptTakesFilesOfTheOperator, which may be wider.
func TestAdoptTakesFilesOfTheOperator(t *testing.T) {
	s := newAdoptionStage(t)
	file := filepath.Join(t.TempDir(), "block-it.yaml")
	s.write(t, file, strings.Replace(proposedRule, "203.0.113.0/24", "203.0.0.0/16", 1))
	stdout, stderr, err := s.adopt(t, "--yes", "--audit", "--ttl=24h", file)
	if missing := hasAll(stdout, "ai-0123456789ab/drop counts what it would drop, until 2023-11-15T22:13:20Z", "block-it is adopted"); err != nil || missing != "" {
		t.Fatalf("%v, %q is not in\n%s%s", err, missing, stdout, stderr)
	}
	s.stdin = strings.NewReader(strings.Replace(proposedRule, "ai-0123456789ab", "mine", 1))
	stdout, stderr, err = s.adopt(t, "--yes", "-")
	if missing := hasAll(stdout, "standard input\n", "mine/drop drops"); err != nil || missing != "" {
		t.Fatalf("%v, %q is not in\n%s%s", err, missing, stdout, stderr)
	}
	if s.approvals != nil {
		t.Errorf("the annotator was told of a file: %q", s.approvals)
	}
	out, _, err := s.adopt(t, "--list")
	if missing := hasAll(out, "block-it      audit    2023-11-15T22:13:20Z  24h0m0s  ai-0123456789ab/drop\n", "enforce  "+adoptedUntil+"  1h0m0s   mine/drop\n"); err != nil || missing != "" {
		t.Errorf("%v, %q is not in\n%s", err, missing, out)
	}
	text, err := os.ReadFile(filepath.Join(s.folder, "adopted-block-it.yaml"))
	if missing := hasAll(string(text), "from "+file, "mode: audit", "{origin: operator}"); err != nil || missing != "" {
		t.Errorf("%v, %q is not in\n%s", err, missing, text)
	}
}

// TestAdoptRefuses tries what must not be adopted, one fault at a time; nothing may stay
// behind.
func TestAdoptRefuses(t *testing.T) {
	html := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<!doctype html><html>sign in</html>")) }
	says := func(status int, message string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.Write([]byte(`{"error":{"code":"x","message":"` + message + `"}}`))
		}
	}
	proposal := func(old, new string) func(*adoptionStage) {
		return func(s *adoptionStage) {
			s.annotator = s.answer(map[string]any{"yaml": strings.Replace(proposedRule, old, new, 1)})
		}
	}
	answer := func(key string, value any) func(*adoptionStage) {
		return func(s *adoptionStage) { s.annotator = s.answer(map[string]any{key: value}) }
	}
	by := epoch.Add(time.Minute)
	for _, c := range []struct {
		claim  string
		set    func(*adoptionStage)
		args   []string // instead of --yes and the proposal
		says   string
		stderr string
	}{
		{"no token", func(s *adoptionStage) { s.token = os.DevNull }, nil, "does not hold one word", ""},
		{"a wrong token", func(s *adoptionStage) { s.annotator = says(401, "no or wrong credentials") }, nil, "does not know who asks (no or wrong credentials): --token-file", ""},
		{"a token for other things", func(s *adoptionStage) { s.annotator = says(403, "this takes a token with the scope approve") }, nil, "is not of the scope approve", ""},
		{"no such proposal", nil, []string{"--yes", "ab12cd34ef50"}, "knows no such proposal", ""},
		{"another server", func(s *adoptionStage) { s.annotator = http.NotFound }, nil, `answers 404 Not Found with "text/plain; charset=utf-8" in place of JSON: is it one?`, ""},
		{"a page", func(s *adoptionStage) { s.annotator = html }, nil, `"text/html; charset=utf-8" in place of JSON`, ""},
		{"a fault that moves the cursor", func(s *adoptionStage) { s.annotator = says(500, `\u001b[2J`) }, nil, "answers 500 Internal Server Error: ?[2J", ""},
		{"a redirect", func(s *adoptionStage) {
			s.annotator = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://example.net/", http.StatusFound)
			}
		}, nil, `a redirect to "https://example.net/", which is not followed`, ""},
		{"a huge answer", answer("reason", strings.Repeat("x", mostProposal)), nil, "more than 1048576 bytes", ""},
		{"nobody there", func(s *adoptionStage) { s.address = "http://127.0.0.1:1" }, nil, "ask the annotator", ""},
		{"another scheme", func(s *adoptionStage) { s.address = "ftp://127.0.0.1" }, nil, "--annotator: want an address", ""},
		{"a password in the address", func(s *adoptionStage) { s.address = "http://a:b@127.0.0.1" }, nil, "--annotator: want an address", ""},
		{"no certificates", nil, []string{"--yes", "--ca-file=" + os.DevNull, "ab12cd34ef56"}, "holds no certificate in PEM", ""},
		{"another proposal", answer("id", "ab12cd34ef00"), nil, "another proposal", ""},
		{"no JSON", func(s *adoptionStage) {
			s.annotator = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Write([]byte("[]"))
			}
		}, nil, "what is no proposal", ""},
		{"a rejected one", answer("state", "rejected"), nil, "the proposal is rejected", ""},
		{"an expired one", answer("ends", epoch), nil, "the proposal ended at 2023-11-14T22:13:20Z", ""},
		{"one for no time", answer("ttl", "soon"), nil, `for the time "soon"`, ""},

		{"no YAML", answer("yaml", "{"), nil, "has faults", "proposal ab12cd34ef56:"},
		{"an unknown key", proposal("action: drop", "exec: id\n    action: drop"), nil, "has faults", "proposal ab12cd34ef56:9:5: error[G101]"},
		{"wide sources", proposal("203.0.113.0/24", "203.0.112.0/23"), nil, "wider than a /24", ""},
		{"failsafe", proposal("groups:", "failsafe: {established: judge, confirm_within: 1s}\ngroups:"), nil, "failsafe: says how", ""},
		{"who passes", proposal("action: drop", "action: pass"), nil, "would pass", ""},
		{"who bans", proposal("action: drop", "action: drop\n    ban: {ttl: 30d, spoofable: accept}"), nil, "bans whom it drops", ""},
		{"an end of its own", proposal("groups:", "until: 2030-01-01T00:00:00Z\ngroups:"), nil, "says until: already", ""},
		{"the operator", proposal("203.0.113.0/24\"], proto: tcp, dst_port: 443", "198.51.100.0/24\"]"), nil, "has faults (--accept-lockout", "proposal ab12cd34ef56:7:5: error[G301]"},
		{"a name that is taken", proposal("ai-0123456789ab", "base"), nil, "has faults", `group "base" is already at`},

		{"a file that is not there", nil, []string{"--yes", "gone.yaml"}, "no such file", ""},
		{"a file with a bad name", func(s *adoptionStage) { os.WriteFile(filepath.Join(s.folder, "../a b.yaml"), nil, 0o600) }, []string{"--yes", "FOLDER/../a b.yaml"}, "cannot name an adopted file", ""},
		{"a file that is failsafe", func(s *adoptionStage) {
			os.WriteFile(s.folder+"/../f.yaml", []byte(strings.Replace(proposedRule, "groups:", "failsafe: {allow: [{name: x, src: 192.0.2.7}]}\ngroups:", 1)), 0o600)
		}, []string{"--yes", "FOLDER/../f.yaml"}, "has faults", "G126"},
		{"a long time", nil, []string{"--yes", "--ttl=25h", "ab12cd34ef56"}, "belongs into a policy file", ""},
		{"nothing", nil, []string{"--yes"}, "want a proposal or a file", ""},
		{"two things", nil, []string{"--list", "ab12cd34ef56"}, "want a proposal or a file", ""},

		{"no agent", func(s *adoptionStage) { s.socket += "x" }, nil, "no agent answers", ""},
		{"no folder", func(s *adoptionStage) { s.agent.status.Files = []string{s.base} }, nil, "the agent reads no folder", ""},
		{"a folder elsewhere", func(s *adoptionStage) { s.agent.status.Files = []string{"/gone/for/good"} }, nil, "run this where the agent runs", ""},
		{"a folder that the agent does not see", func(s *adoptionStage) { s.agent.status.Folders = nil }, nil, "is no folder to the agent", ""},
		{"another network namespace", func(s *adoptionStage) { s.agent.status.Devices[0].Name = "eth7" }, nil, "eth7, which is not in this network namespace", ""},
		{"a trial", func(s *adoptionStage) { s.agent.status.ConfirmBy = &by }, nil, "on trial until 2023-11-14T22:14:20Z", ""},
		{"a policy that tripped", func(s *adoptionStage) { s.agent.status.Tripped = true }, nil, "the policy tripped", ""},
		{"an earlier policy", func(s *adoptionStage) { s.agent.status.InForce = guarder.InForceEarlier }, nil, "is not the policy of the agent's files", ""},
		{"files that were edited", func(s *adoptionStage) {
			os.WriteFile(s.base, []byte(strings.Replace(adoptionBase, "enforce", "audit", 1)), 0o600)
		}, nil, "base.yaml:6:5 (base/discard) differs from what is in force", ""},
		{"conditions that were edited", func(s *adoptionStage) {
			os.WriteFile(s.base, []byte(strings.Replace(adoptionBase, "9", "7", 1)), 0o600)
			os.Chtimes(s.base, time.Time{}, time.Now().Add(time.Minute))
		}, nil, "base.yaml differs from what is in force", ""},
		{"files with faults", func(s *adoptionStage) { os.WriteFile(s.base, []byte("version: 2\n"), 0o600) }, nil, "the agent's files have faults", "error[G"},
		{"an agent that refuses", func(s *adoptionStage) { s.agent.refuses = errors.New("not today") }, nil, "nothing was changed: not today", ""},
		{"an agent that sees other files", func(s *adoptionStage) { s.agent.blind = true }, nil, "seems to see others", ""},

		{"nobody to ask", nil, []string{"ab12cd34ef56"}, "--yes adopts without asking", ""},
		{"somebody who says no", func(s *adoptionStage) { s.typed = strings.NewReader("n\n") }, []string{"ab12cd34ef56"}, "not adopted", ""},
		{"somebody who says nothing", func(s *adoptionStage) { s.typed = strings.NewReader("") }, []string{"ab12cd34ef56"}, "not adopted", ""},
		{"no probes", func(s *adoptionStage) { s.openErr = errNoProbes }, nil, "must be compared with live traffic; --audit", ""},
		{"no look", nil, []string{"--yes", "--observe=0", "ab12cd34ef56"}, "must be compared with live traffic", ""},
		{"friends", func(s *adoptionStage) {
			s.flows = []stack.Flow{flowOf("203.0.113.7", 980, 0, 0), flowOf("203.0.113.8", 20, 20, time.Millisecond)}
		}, nil, "2.0 % of the packets that it matches come from peers that this host talks to, more than 1 %", ""},
		{"nothing of this name to end", nil, []string{"--drop=gone"}, `nothing of the name "gone" is adopted`, ""},
	} {
		t.Run(c.claim, func(t *testing.T) {
			s := newAdoptionStage(t)
			if c.set != nil {
				c.set(s)
			}
			args := []string{"--yes", "ab12cd34ef56"}
			if c.args != nil {
				args = c.args
				for i := range args {
					args[i] = strings.Replace(args[i], "FOLDER", s.folder, 1)
				}
			}
			stdout, stderr, err := s.adopt(t, args...)
			if err == nil || !strings.Contains(err.Error(), c.says) || c.stderr == "" != (stderr == "") || !strings.Contains(stderr, c.stderr) {
				t.Errorf("%v\n%s%s", err, stdout, stderr)
			}
			if strings.ContainsAny(stdout+stderr+err.Error(), "\x1b") || strings.Contains(stdout+stderr+err.Error(), "secret") {
				t.Error("it shows what it should not")
			}
			s.unchanged(t)
		})
	}
}

// TestAdoptIsForcedOrAudited: what is refused as a drop may be counted.
func TestAdoptIsForcedOrAudited(t *testing.T) {
	for _, flag := range []string{"--audit", "--force"} {
		for name, set := range map[string]func(*adoptionStage){
			"friends":   func(s *adoptionStage) { s.flows = []stack.Flow{flowOf("203.0.113.8", 20, 20, time.Millisecond)} },
			"no probes": func(s *adoptionStage) { s.openErr = errNoProbes },
		} {
			s := newAdoptionStage(t)
			set(s)
			stdout, stderr, err := s.adopt(t, "--yes", flag, "ab12cd34ef56")
			if err != nil || len(s.files(t)) != 1 || len(s.approvals) != 1 {
				t.Errorf("%s, %s: %v\n%s%s", name, flag, err, stdout, stderr)
			}
			if known := name == "friends"; strings.Contains(s.approvals[0], `"matched_share":1}`) != known || strings.Contains(s.approvals[0], "matched_share") != known || strings.Contains(stdout, "not compared with live traffic: ") == known {
				t.Errorf("%s, %s: %s\n%s", name, flag, s.approvals, stdout)
			}
			if mode := s.agent.status.Rules[0].Mode; (mode == "audit") != (flag == "--audit") {
				t.Errorf("%s, %s: the mode is %s", name, flag, mode)
			}
		}
	}
}

// TestAdoptInATrial: the policy of the agent asks for confirmation, so the rule does.
func TestAdoptInATrial(t *testing.T) {
	for _, c := range []struct {
		claim string
		typed string // "" is --yes
		told  string
		says  string
		stays bool
	}{
		{"kept", "y\ny\n", "apply confirm", "", true},
		{"not kept", "y\nn\n", "apply rollback", "it was taken back, as it was not confirmed", false},
		{"nobody says", "y\n", "apply rollback", "it was taken back, as it was not confirmed", false},
		{"nobody is there", "", "apply", "", true},
	} {
		s := newAdoptionStage(t)
		s.write(t, s.base, adoptionBase+"failsafe: {confirm_within: 1m}\n")
		s.agent.Apply(guarder.Order{})
		s.agent.Confirm()
		s.agent.told = nil
		args := []string{"ab12cd34ef56"}
		if c.typed == "" {
			args = append(args, "--yes")
		} else {
			s.typed = strings.NewReader(c.typed)
		}
		stdout, stderr, err := s.adopt(t, args...)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || !strings.Contains(stdout, "ON TRIAL: taken back in 1m0s unless confirmed") {
			t.Errorf("%s: %v\n%s%s", c.claim, err, stdout, stderr)
		}
		if told := strings.Join(s.agent.told, " "); told != c.told {
			t.Errorf("%s: the agent was told to %s, want %s", c.claim, told, c.told)
		}
		if !c.stays {
			s.unchanged(t)
		} else if len(s.files(t)) != 1 || len(s.approvals) != 1 {
			t.Errorf("%s: files %q, approvals %q", c.claim, s.files(t), s.approvals)
		}
	}
}

// TestAdoptPassesByWhatIsOver: the agent lists a rule for a moment longer than it is there.
func TestAdoptPassesByWhatIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		until time.Time
		wants string
	}{"over": {epoch, ""}, "not over": {epoch.Add(time.Nanosecond), "differs from what is in force"}} {
		s := newAdoptionStage(t)
		s.agent.status.Rules = append([]guarder.RuleStatus{{Group: "ai", Rule: "drop", Until: &c.until}}, s.agent.status.Rules...)
		_, _, err := s.adopt(t, "--yes", "ab12cd34ef56")
		if wants := c.wants; (err == nil) != (wants == "") || err != nil && !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v, want %q", name, err, wants)
		}
	}
}

// readFunc is a reader.
type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestAdoptLooksAgainBeforeItWrites: somebody else was quicker than the answer.
func TestAdoptLooksAgainBeforeItWrites(t *testing.T) {
	s := newAdoptionStage(t)
	by := epoch.Add(time.Minute)
	s.typed = readFunc(func(p []byte) (int, error) {
		s.agent.mu.Lock()
		defer s.agent.mu.Unlock()
		s.agent.status.ConfirmBy = &by
		return copy(p, "y\n"), nil
	})
	if _, _, err := s.adopt(t, "ab12cd34ef56"); err == nil || !strings.Contains(err.Error(), "a policy is on trial until") {
		t.Errorf("%v", err)
	}
	s.unchanged(t)
}

// TestAdoptSaysWhatIsUncertain: the agent does what it said that it does not.
func TestAdoptSaysWhatIsUncertain(t *testing.T) {
	s := newAdoptionStage(t)
	s.agent.late = errors.New("too slow")
	if _, _, err := s.adopt(t, "--yes", "ab12cd34ef56"); err == nil || !strings.Contains(err.Error(), "the agent may do it all the same, until it reads its files again (packetscope guard apply): too slow") {
		t.Errorf("%v", err)
	}
	if left := s.files(t); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

// TestAnnotatorIsAskedByTLS knows whom to trust by a file.
func TestAnnotatorIsAskedByTLS(t *testing.T) {
	s := newAdoptionStage(t)
	web := httptest.NewTLSServer(s.annotator)
	defer web.Close()
	s.address = web.URL
	ca := filepath.Join(t.TempDir(), "ca.pem")
	s.write(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})))
	if _, _, err := s.adopt(t, "--yes", "ab12cd34ef56"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger was trusted: %v", err)
	}
	s.unchanged(t)
	if stdout, stderr, err := s.adopt(t, "--yes", "--ca-file="+ca, "ab12cd34ef56"); err != nil || len(s.approvals) != 1 {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
}

// TestAdoptSaysWhatTheAnnotatorDoesNotKnow: the rule is in force all the same.
func TestAdoptSaysWhatTheAnnotatorDoesNotKnow(t *testing.T) {
	s := newAdoptionStage(t)
	get := s.annotator
	s.annotator = func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Error(w, "gone", http.StatusBadGateway)
			return
		}
		get(w, r)
	}
	_, stderr, err := s.adopt(t, "--yes", "ab12cd34ef56")
	if err != nil || !strings.HasPrefix(stderr, "warning: the rule is in force, and the annotator does not know: ") || len(s.files(t)) != 1 {
		t.Errorf("%v\n%s", err, stderr)
	}
	s = newAdoptionStage(t)
	s.annotator = s.answer(map[string]any{"state": "approved", "ttl": "10m"})
	if stdout, stderr, err := s.adopt(t, "--yes", "ab12cd34ef56"); err != nil || stderr != "" || s.approvals != nil || !strings.Contains(stdout, "until 2023-11-14T22:23:20Z") {
		t.Errorf("approved before: %v, %q\n%s%s", err, s.approvals, stdout, stderr)
	}
}

// TestAdoptEndsWhatIsNotInForce removes files alone.
func TestAdoptEndsWhatIsNotInForce(t *testing.T) {
	s := newAdoptionStage(t)
	s.write(t, filepath.Join(s.folder, "adopted-old.yaml"), "version: 1\nuntil: 2023-11-14T22:00:00Z\ngroups: []\n")
	s.write(t, filepath.Join(s.folder, "adopted-bad.yaml"), "version: 1\n")
	out, _, err := s.adopt(t, "--list")
	if want := "NAME  STATE   UNTIL                 LEFT  RULES\nbad   faulty  -                     -     -\nold   over    2023-11-14T22:00:00Z  -     -\n"; err != nil || out != want {
		t.Errorf("%v\n%s", err, out)
	}
	for _, name := range []string{"old", "bad"} {
		if out, _, err := s.adopt(t, "--drop="+name); err != nil || out != name+" was not in force; its file is removed\n" {
			t.Errorf("%q, %v", out, err)
		}
	}
	s.unchanged(t)
	if s.agent.told != nil {
		t.Errorf("the agent was told to %q", s.agent.told)
	}
}

// TestTrafficIsOfOthers: who is no stranger, and what comes from this host.
func TestTrafficIsOfOthers(t *testing.T) {
	facts := sshHost()
	facts.Sockets = []host.Socket{
		{Protocol: packet.TCP, State: host.Established, Local: netip.MustParseAddrPort("192.0.2.10:22"), Remote: netip.MustParseAddrPort("198.51.100.7:50112")},
		{Protocol: packet.TCP, State: host.Closing, Local: netip.MustParseAddrPort("192.0.2.10:443"), Remote: netip.MustParseAddrPort("198.51.100.8:40000")},
		{Protocol: packet.TCP, State: host.Opening, Local: netip.MustParseAddrPort("192.0.2.10:443"), Remote: netip.MustParseAddrPort("198.51.100.9:40000")},
		{Protocol: packet.TCP, State: host.Established, Local: netip.MustParseAddrPort("127.0.0.1:1"), Remote: netip.MustParseAddrPort("127.0.0.1:2")},
	}
	udp := flowOf("198.51.100.6", 5, 5, 0)
	udp.Protocol, udp.Role, udp.ServicePort = packet.UDP, stack.Client, 53
	ping := flowOf("198.51.100.5", 5, 0, 0)
	ping.Protocol, ping.Role, ping.ServicePort = packet.ICMPv4, stack.Peer, 0
	forwarded := flowOf("198.51.100.4", 5, 5, 0)
	forwarded.Role = stack.Forwarder
	traffic := trafficOf([]stack.Flow{
		flowOf("198.51.100.7", 5, 5, 0), flowOf("198.51.100.8", 5, 5, 0), flowOf("198.51.100.9", 5, 5, 0), flowOf("198.51.100.3", 5, 5, 1),
		flowOf("198.51.100.2", 0, 5, 1), flowOf("127.0.0.1", 5, 5, 1), udp, ping, forwarded,
	}, &host.Facts{}, facts)
	got := map[string]bool{}
	for _, f := range traffic.Flows {
		got[f.Addr.String()] = f.TwoWay
	}
	want := map[string]bool{
		"198.51.100.7": true, "198.51.100.8": true, "198.51.100.9": false, "198.51.100.3": true, "198.51.100.6": true, "198.51.100.5": false, "198.51.100.4": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("two ways (-want +got):\n%s", diff)
	}
	if len(traffic.Connections) != 1 || traffic.Connections[0].Local != 22 || traffic.Connections[0].Remote != 50112 {
		t.Errorf("connections %+v", traffic.Connections)
	}
	if p := traffic.Flows[4].Peer; p.Remote != 53 || p.Local != -2 {
		t.Errorf("the service of a client is %+v", p)
	}
	if p := traffic.Flows[5].Peer; p.Remote != -1 || p.Local != -1 {
		t.Errorf("ports of ICMP: %+v", p)
	}
}
