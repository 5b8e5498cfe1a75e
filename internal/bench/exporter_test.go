//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build returns the path of the exporter made from these sources.
func build(t *testing.T) string { return buildCommand(t, "packetscope") }

// buildCommand returns the path of a command made from these sources.
func buildCommand(t *testing.T, name string) string {
	binary := filepath.Join(t.TempDir(), name)
	command := exec.Command("go", "build", "-o", binary, "../../cmd/"+name)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// An exporter is a running process.
type exporter struct {
	command *exec.Cmd
	began   time.Time
	url     string
	said    *bytes.Buffer // what it logged
}

// start starts the exporter on a free port of the loopback device. It is killed if
// it lives longer than any measurement takes.
func start(t *testing.T, binary string, args ...string) *exporter {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	address := freeAddress(t)
	p := &exporter{
		command: exec.CommandContext(ctx, binary, append(args, "--web.listen-address="+address)...),
		url:     "http://" + address,
		said:    new(bytes.Buffer),
	}
	p.command.Stdout, p.command.Stderr = p.said, p.said
	p.began = time.Now()
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// stop ends the exporter as a supervisor does.
func (p *exporter) stop(t *testing.T) {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("exporter: %v\n%s", err, p.said)
	}
}

// untilReady returns how long after its start the exporter was ready.
func (p *exporter) untilReady(t *testing.T) time.Duration {
	for time.Since(p.began) < time.Minute {
		answer, err := http.Get(p.url + "/-/ready")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return time.Since(p.began)
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("exporter is not ready after a minute")
	return 0
}

// scrape returns the metrics in the form, and how long it took to get them.
func (p *exporter) scrape(t *testing.T, form string) ([]byte, time.Duration) {
	request, err := http.NewRequest(http.MethodGet, p.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", form)
	begin := time.Now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	took := time.Since(begin)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("scrape: %s, %v", answer.Status, err)
	}
	return body, took
}

// memory returns a line of the process's status, in MB.
func (p *exporter) memory(t *testing.T, key string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), key+":")
	var kilobytes float64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatalf("read %s of the exporter: %v", key, err)
	}
	return kilobytes * 1024 / 1e6
}

// countSeries counts the samples of a text exposition.
func countSeries(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if line[0] != '#' {
			n++
		}
	}
	return n
}

// freeAddress returns an address that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
