package daemon

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/packetscope/packetscope/internal/lines"
)

// running is a server that listens, and how it ended.
type running struct {
	*Server
	url   string
	log   *lines.Lines
	ended chan error
}

func newRunning(address string, grace time.Duration, h http.HandlerFunc) (r *running, listens chan net.Addr) {
	return newRunningWith("", address, grace, h)
}

// newRunningWith is newRunning with the path of a web config.
func newRunningWith(file, address string, grace time.Duration, h http.HandlerFunc) (r *running, listens chan net.Addr) {
	r, listens = &running{log: lines.New(), ended: make(chan error, 1)}, make(chan net.Addr, 1)
	addresses, systemd := []string{address}, false
	r.Server = NewServer(Config{
		Flags:   &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &systemd, WebConfigFile: &file},
		Handler: h, Logger: promslog.New(&promslog.Config{Writer: r.log}), Grace: grace, Listening: func(a net.Addr) { listens <- a },
	})
	go func() { r.ended <- r.Run() }()
	return r, listens
}

func start(t *testing.T, grace time.Duration, h http.HandlerFunc) *running {
	t.Helper()
	r, listens := newRunning("127.0.0.1:0", grace, h)
	r.url = "http://" + soon(t, listens).String()
	soon(t, r.Ready)
	return r
}

// soon returns the next value of a channel.
func soon[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(lines.Patience):
		t.Fatal("it does not come to pass")
		panic("unreachable")
	}
}

// ask sends a request and returns, when it is answered, the text or the error.
func (r *running) ask() <-chan string {
	answered := make(chan string, 1)
	go func() {
		response, err := http.Get(r.url)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	return answered
}

func TestStopFinishesRequestsAtHand(t *testing.T) {
	asked, answer := make(chan bool), make(chan bool)
	r := start(t, time.Hour, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		io.WriteString(w, "whole")
	})
	answered := r.ask()
	soon(t, asked)
	go r.Stop(nil)
	r.log.Wait(t, "msg=stopping", 1)
	select {
	case err := <-r.ended:
		t.Fatalf("it ends before the answer: %v", err)
	default:
	}
	close(answer)
	if text := soon(t, answered); text != "whole" {
		t.Errorf("answer %q", text)
	}
	if err := soon(t, r.ended); err != nil {
		t.Errorf("it ends with %v", err)
	}
	// Interrupted twice, as by a second signal.
	r.Stop(nil)
}

func TestStopCutsOffWhatTakesLongerThanTheGrace(t *testing.T) {
	asked := make(chan bool)
	r := start(t, time.Millisecond, func(_ http.ResponseWriter, q *http.Request) {
		close(asked)
		<-q.Context().Done()
	})
	answered := r.ask()
	soon(t, asked)
	r.Stop(nil)
	if text := soon(t, answered); !strings.Contains(text, "EOF") {
		t.Errorf("answer %q, want none", text)
	}
	if err := soon(t, r.ended); err != nil {
		t.Errorf("it ends with %v", err)
	}
	r.log.Wait(t, `msg="requests cut off"`, 1)
}

func TestAnAddressThatIsTakenIsAnError(t *testing.T) {
	first := start(t, time.Second, http.NotFound)
	defer first.Stop(nil)
	second, _ := newRunning(strings.TrimPrefix(first.url, "http://"), time.Second, http.NotFound)
	if err := soon(t, second.ended); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "choose another with --web.listen-address") {
		t.Errorf("it ends with %v", err)
	}
	select {
	case <-second.Ready:
		t.Error("it is ready")
	default:
	}
}

func TestAWebConfigThatIsBadIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"tls_server_config: {cert_file: x}": "missing one of key or key_file",
		"basic_auth_user: {a: b}":           "yaml: unmarshal errors: line 1: field basic_auth_user not found in type web.Config",
	} {
		file := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, _ := newRunningWith(file, "127.0.0.1:0", time.Second, http.NotFound)
		if err := soon(t, r.ended); err == nil || err.Error() != `web config "`+file+`": `+want {
			t.Errorf("it ends with %v, want %s", err, want)
		}
	}
}
