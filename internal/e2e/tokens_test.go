//go:build e2e && linux

package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/servers"
)

// The tokens that annotators know: that which Alertmanager is given, and that of a person.
const (
	ingestToken   = "of-the-annotator"
	operatorToken = "of-the-operator"
)

// tokenFile returns a file that nobody else can read.
func tokenFile(t *testing.T, token string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// annotatorFile writes the configuration of an annotator with a store and tokens of its own,
// and the rest of it.
func annotatorFile(t *testing.T, rest string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"annotator.yaml": `store: {path: annotator.db}
auth:
  tokens:
    - {name: alertmanager, sha256_file: ingest.sha256, scopes: [ingest]}
    - {name: operator, sha256_file: operator.sha256, scopes: [read, approve]}
` + rest}
	for name, token := range map[string]string{"ingest.sha256": ingestToken, "operator.sha256": operatorToken} {
		files[name] = fmt.Sprintf("%x  -\n", sha256.Sum256([]byte(token)))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "annotator.yaml")
}

// startAnnotator returns when it is ready.
func startAnnotator(t *testing.T, file, address string) {
	t.Helper()
	p := servers.Start(t, found.Annotator, "serve", "--config.file="+file, "--web.listen-address="+address)
	if err := p.Ready(t.Context(), "http://"+address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
}

// TestTheAnnotatorHearsOnlyWhoHasItsToken has one annotator, and an Alertmanager each that
// sends its token, another and none. All have the alertmanager.yml that is shipped.
func TestTheAnnotatorHearsOnlyWhoHasItsToken(t *testing.T) {
	t.Parallel()
	// Neither a Prometheus nor an Alertmanager is asked: what is known was sent.
	address := servers.FreeAddress(t)
	startAnnotator(t, annotatorFile(t, ""), address)

	files := map[string]string{"right": tokenFile(t, ingestToken), "wrong": tokenFile(t, "of-another"), "none": ""}
	ams := map[string]*servers.Alertmanager{}
	for name, file := range files {
		config := routes(t, servers.NewInbox(t), pace)
		if err := config.Call("annotator", "http://"+address+"/api/v1/alerts"); err != nil {
			t.Fatal(err)
		}
		config.Tokens(file)
		if name == "none" {
			config.WithoutTokens()
		}
		ams[name] = servers.StartAlertmanager(t, found.Tools, config)
		if err := ams[name].Push([]servers.Push{push("PacketScopePacketLoss", "critical", "drops", name)}); err != nil {
			t.Fatal(err)
		}
	}
	servers.Eventually(t, soon, func() error {
		for name, want := range map[string]string{"right": "", "wrong": "401", "none": "401"} {
			if got := refusals(ams[name]); strings.Join(got, " ") != want {
				return fmt.Errorf("Alertmanager with the %s token was answered %q, want %q", name, got, want)
			}
		}
		return knows(t, address, "right")
	})
	if refused := answered(t, address, 401); refused < 2 {
		t.Errorf("the annotator says that it refused %v messages, want 2 or more", refused)
	}

	// A token that is corrected lets the alert through that was refused; Alertmanager reads
	// the file each time.
	if err := os.WriteFile(files["wrong"], []byte(ingestToken), 0o600); err != nil {
		t.Fatal(err)
	}
	servers.Eventually(t, soon, func() error { return knows(t, address, "right", "wrong") })
}

// TestTokensOfTheAnnotatorOpenTheirDoorsOnly asks without Alertmanager what a stranger could.
func TestTokensOfTheAnnotatorOpenTheirDoorsOnly(t *testing.T) {
	t.Parallel()
	address := servers.FreeAddress(t)
	startAnnotator(t, annotatorFile(t, ""), address)
	got := map[string][3]int{}
	for name, authorization := range map[string]string{
		"none": "", "wrong": "Bearer of-another", "basic": "Basic b2Y6dGhlLWFubm90YXRvcg==", "empty": "Bearer ", "prefix": "Bearer " + ingestToken[:8],
		"ingest": "Bearer " + ingestToken, "operator": "Bearer " + operatorToken,
	} {
		got[name] = [3]int{
			// Nothing in it, so that it is refused once the token is not.
			code(t, "POST", "http://"+address+"/api/v1/alerts", authorization),
			code(t, "GET", "http://"+address+"/api/v1/episodes", authorization),
			code(t, "GET", "http://"+address+"/metrics", authorization),
		}
	}
	want := map[string][3]int{
		"none": {401, 401, 200}, "wrong": {401, 401, 200}, "basic": {401, 401, 200}, "empty": {401, 401, 200}, "prefix": {401, 401, 200},
		"ingest": {400, 403, 200}, "operator": {403, 200, 200},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers to messages, to questions and to Prometheus (-want +got):\n%s", diff)
	}
}

// ask returns an answer of a server.
func ask(t *testing.T, method, url, authorization string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func code(t *testing.T, method, url, authorization string) int {
	t.Helper()
	status, _ := ask(t, method, url, authorization)
	return status
}

// answered returns how often an annotator gave its webhook's callers an answer.
func answered(t *testing.T, address string, code int) float64 {
	t.Helper()
	_, metrics := ask(t, "GET", "http://"+address+"/metrics", "")
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^packetscope_annotator_webhook_requests_total\{code="%d"\} (\S+)$`, code)).FindStringSubmatch(metrics)
	if line == nil {
		t.Fatalf("no count of code %d in the metrics of the annotator:\n%s", code, metrics)
	}
	n, err := strconv.ParseFloat(line[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// refusals returns the codes, once each, with which an Alertmanager says it was turned away.
func refusals(am *servers.Alertmanager) []string {
	codes := regexp.MustCompile(`unexpected status code (\d+)`).FindAllStringSubmatch(am.Log(), -1)
	var all []string
	for _, c := range codes {
		all = append(all, c[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// knows returns nil if an annotator knows of alerts of these instances, and of no other.
func knows(t *testing.T, address string, instances ...string) error {
	t.Helper()
	status, body := ask(t, "GET", "http://"+address+"/api/v1/episodes", "Bearer "+operatorToken)
	var list struct {
		Episodes []struct{ Labels map[string]string }
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("episodes: %d %s: %v", status, body, err)
	}
	var known []string
	for _, e := range list.Episodes {
		known = append(known, e.Labels["instance"])
	}
	slices.Sort(known)
	if diff := cmp.Diff(instances, known); diff != "" {
		return fmt.Errorf("alerts that the annotator knows (-want +got):\n%s", diff)
	}
	return nil
}
