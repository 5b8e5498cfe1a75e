//go:build linux

package servers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds the wait for what always happens, on a busy machine.
const patience = 30 * time.Second

// A Process is a running program.
type Process struct {
	// Name is the file name of the program.
	Name string
	// PID is its process id.
	PID int

	command *exec.Cmd
	log     lockedBuffer
	ended   chan struct{} // closed when err is set
	err     error
}

// Start starts a program. It is killed when the test ends, and what it said is logged
// if the test failed.
func Start(t testing.TB, program string, args ...string) *Process {
	t.Helper()
	return start(t, filepath.Base(program), exec.Command(program, args...))
}

// StartActivated starts a program in another network namespace, given by its file, and
// returns the address at which it can be asked from here: a socket of this namespace, which
// the program is handed as by systemd (sd_listen_fds(3)). It needs root.
func StartActivated(t testing.TB, namespace, program string, args ...string) (p *Process, address string) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	// The id of the process is part of it, so that no child takes the socket, too.
	args = append([]string{"--net=" + namespace, "/bin/sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, program}, args...)
	command := exec.Command("nsenter", args...)
	command.ExtraFiles = []*os.File{socket}
	return start(t, filepath.Base(program), command), listener.Addr().String()
}

// startWithShare is Start for a program that looks for files in /usr/share, in whose
// place it sees another folder. It needs root.
func startWithShare(t testing.TB, share, program string, args ...string) *Process {
	t.Helper()
	args = append([]string{"-c", `mount --bind "$0" /usr/share && exec "$@"`, share, program}, args...)
	command := exec.Command("/bin/sh", args...)
	command.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return start(t, filepath.Base(program), command)
}

func start(t testing.TB, name string, command *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Name: name, command: command, ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	if p.command.SysProcAttr == nil {
		p.command.SysProcAttr = &syscall.SysProcAttr{}
	}
	// A test that is killed cannot clean up.
	p.command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started := make(chan error)
	go func() {
		// The signal is sent when the thread ends that started the process, so
		// this one must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.command.Start()
		started <- err
		if err == nil {
			p.err = p.command.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", p.Name, err)
	}
	p.PID = p.command.Process.Pid
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said last:\n%s", p.Name, p.log.tail(4000))
		}
	})
	return p
}

// Kill ends the program at once, if it still runs.
func (p *Process) Kill() {
	p.command.Process.Kill()
	<-p.ended
}

// Signal sends a signal to the program.
func (p *Process) Signal(s syscall.Signal) error { return p.command.Process.Signal(s) }

// Stop asks the program to end, as a supervisor does, and waits for it.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop %s: %v", p.Name, err)
	}
	select {
	case <-p.ended:
		if p.err != nil {
			t.Errorf("%s: %v", p.Name, p.err)
		}
	case <-time.After(patience):
		t.Errorf("%s does not end", p.Name)
	}
}

// Log returns what the program has said so far.
func (p *Process) Log() string { return p.log.tail(1 << 30) }

// Ready returns when the URL is answered with OK. The error, of one line, is that the
// program has ended before or takes too long, with the last that it said.
func (p *Process) Ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before %s was ready (%v): %s", p.Name, url, p.err, p.log.lastLine())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready at %s after %v: %s", p.Name, url, patience, p.log.lastLine())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// FreeAddress returns an address of the loopback device that nobody listened on a
// moment ago.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A lockedBuffer is written by the program and read by the test.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// tail returns the last bytes.
func (b *lockedBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.text.Bytes()
	return string(text[max(0, len(text)-n):])
}

func (b *lockedBuffer) lastLine() string {
	lines := strings.Split(strings.TrimSpace(b.tail(4000)), "\n")
	return lines[len(lines)-1]
}
