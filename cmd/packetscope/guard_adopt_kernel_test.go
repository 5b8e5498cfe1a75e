//go:build kernel && linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/testnet"
)

// argsVariable has the test binary be the program, with these arguments.
const argsVariable = "PACKETSCOPE_TEST_ARGS"

func TestMain(m *testing.M) {
	if text := os.Getenv(argsVariable); text != "" {
		e := newEnv(strings.Split(text, "\n"))
		err := run(context.Background(), e)
		if err != nil {
			printError(e.stderr, err)
			os.Exit(exitStatus(err))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program returns the program with arguments, in a network namespace once it is started
// there.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), argsVariable+"="+strings.Join(args, "\n"))
	return cmd
}

// An adoptionLab is a real agent behind a cable, with a folder that it reads.
type adoptionLab struct {
	net            *testnet.Net
	socket, folder string
}

func newAdoptionLab(t *testing.T) *adoptionLab {
	t.Helper()
	l := &adoptionLab{net: testnet.New(t), socket: filepath.Join(t.TempDir(), "guard.sock"), folder: t.TempDir()}
	pins, err := os.MkdirTemp("/sys/fs/bpf", "packetscope_test_")
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "base.yaml")
	if err := os.WriteFile(base, []byte(adoptionBase), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := program(t, "guard", "run", "--device="+l.net.Right.Device, "--pins="+pins, "--state="+t.TempDir(), "--socket="+l.socket, l.folder, base)
	out, err := agent.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.net.Right.Do(t, func() { err = agent.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		agent.Process.Kill()
		agent.Wait()
		if _, err := guarder.Detach(pins); err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		t.Log(lines.Text())
		if strings.Contains(lines.Text(), "msg=guarding") {
			go io.Copy(io.Discard, out)
			return l
		}
	}
	t.Fatal("the agent ended")
	return nil
}

// adopt runs the verb where the agent is.
func (l *adoptionLab) adopt(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := program(t, append([]string{"guard", "adopt", "--socket=" + l.socket}, args...)...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	var err error
	l.net.Right.Do(t, func() { err = cmd.Start() })
	if err == nil {
		err = cmd.Wait()
	}
	t.Logf("guard adopt %s: %v\n%s", strings.Join(args, " "), err, out.String())
	return out.String(), err
}

// arrives tells whether a datagram over IPv4 does; one over IPv6, which no rule is about,
// tells that the network is well.
func (l *adoptionLab) arrives(t *testing.T) bool {
	t.Helper()
	got := map[testnet.Family]bool{}
	for _, f := range []testnet.Family{testnet.IPv4, testnet.IPv6} {
		pair, err := testnet.NewUDPPair(l.net.Left, l.net.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		defer pair.Close()
		if _, err := pair.Sender.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		pair.Receiver.SetReadDeadline(time.Now().Add(testnet.Margin(time.Second)))
		_, err = pair.Receiver.Read(make([]byte, 1))
		got[f] = err == nil
	}
	if !got[testnet.IPv6] {
		t.Fatal("a datagram that no rule is about does not arrive")
	}
	return got[testnet.IPv4]
}

// soon returns when a datagram arrives, which must not be before a time.
func (l *adoptionLab) soon(t *testing.T, earliest time.Time) {
	t.Helper()
	for deadline := time.Now().Add(testnet.Margin(time.Minute)); !l.arrives(t); {
		if time.Now().After(deadline) {
			t.Fatal("the rule does not end")
		}
	}
	if time.Now().Before(earliest) {
		t.Errorf("it ended %v too early", time.Until(earliest))
	}
}

// send sends datagrams until it is told to stop, and tells how many.
func (l *adoptionLab) send(t *testing.T) (stop func()) {
	t.Helper()
	pair, err := testnet.NewUDPPair(l.net.Left, l.net.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	ends, ended := make(chan struct{}), sync.WaitGroup{}
	ended.Go(func() {
		defer pair.Close()
		for {
			select {
			case <-ends:
				return
			case <-time.After(10 * time.Millisecond):
				pair.Sender.Write([]byte("x"))
			}
		}
	})
	return func() { close(ends); ended.Wait() }
}

// TestAdoptedRulesDropUntilTheyEnd: a file, and then a proposal, by the real program on
// both sides of the socket.
func TestAdoptedRulesDropUntilTheyEnd(t *testing.T) {
	l := newAdoptionLab(t)
	// So long that the datagrams after it meet the rule on a busy machine.
	ttl := 15 * time.Second
	if testnet.InVM() {
		ttl = 2 * time.Minute
	}
	observe := "--observe=" + testnet.Margin(500*time.Millisecond).String()
	source := l.net.Left.V4.String()
	text := strings.NewReplacer("203.0.113.0/24", source, "tcp, dst_port: 443", "udp").Replace(proposedRule)
	if !l.arrives(t) {
		t.Fatal("no datagram arrives before anything is adopted")
	}

	file := filepath.Join(t.TempDir(), "block.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := l.send(t)
	begin := time.Now()
	out, err := l.adopt(t, "--yes", observe, "--ttl="+ttl.String(), file)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "(100.0 %) in 1 flow, and 0 connections\nof these, 0 packets") {
		t.Error("it did not see what is sent")
	}
	if l.arrives(t) {
		t.Error("a datagram arrives although a rule was adopted")
	}
	l.soon(t, begin.Add(ttl-time.Second)) // its end is in whole seconds

	var listener net.Listener
	l.net.Right.Do(t, func() { listener, err = net.Listen("tcp", net.JoinHostPort(l.net.Right.V4.String(), "0")) })
	if err != nil {
		t.Fatal(err)
	}
	approved := make(chan string, 1)
	annotator := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			approved <- string(body)
		}
		json.NewEncoder(w).Encode(map[string]any{"id": "ab12cd34ef56", "state": "pending", "by": "model", "ttl": "1h0m0s", "yaml": text, "ends": time.Now().Add(time.Hour)})
	})}
	go annotator.Serve(listener)
	defer annotator.Close()
	args := []string{"--yes", observe, "--annotator=http://" + listener.Addr().String(), "ab12cd34ef56"}
	if _, err := l.adopt(t, args...); err != nil {
		t.Fatal(err)
	}
	if got := <-approved; !strings.Contains(got, `"matched_share":`) {
		t.Errorf("the annotator was told %s", got)
	}
	if l.arrives(t) {
		t.Error("a datagram arrives although a proposal was adopted")
	}
	if out, err := l.adopt(t, "--list"); err != nil || !strings.Contains(out, fmt.Sprintf("%s  enforce", "ab12cd34ef56")) {
		t.Error("the list does not show it")
	}
	if _, err := l.adopt(t, "--drop=ab12cd34ef56"); err != nil {
		t.Fatal(err)
	}
	if !l.arrives(t) {
		t.Error("no datagram arrives after the proposal was ended")
	}
	status, err := guarder.Client{Socket: l.socket}.Status()
	if err != nil || len(status.Rules) != 1 {
		t.Errorf("in force are %+v, %v", status.Rules, err)
	}
}
