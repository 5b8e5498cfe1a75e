//go:build linux && kernel

package tracer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/packetscope/packetscope/internal/testnet"
)

// childVariable makes the test binary a process that traces, and says how it is to end.
const childVariable = "PACKETSCOPE_TEST_TRACE"

// TestMain lets the test binary be the process that ends.
func TestMain(m *testing.M) {
	end, ok := os.LookupEnv(childVariable)
	if !ok {
		os.Exit(m.Run())
	}
	if err := runTrace(end); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runTrace traces, says what it has in the kernel, and waits for its end.
func runTrace(end string) error {
	s, err := Open(Config{Stacks: true, Functions: regexp.MustCompile("^(ip|udp)_rcv$")})
	if err != nil {
		return err
	}
	h, err := s.holdings()
	if err != nil {
		return err
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	if err := json.NewEncoder(os.Stdout).Encode(h); err != nil {
		return err
	}
	switch end {
	case "panic":
		panic("as the test wants it")
	case "interrupt":
		<-interrupted
		return s.Close()
	case "close":
		if err := s.Close(); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, os.Stdin) // the process lives on
	return err
}

// holdings are the numbers of what a session has in the kernel.
type holdings struct {
	Programs []ebpf.ProgramID
	Links    []link.ID
	Maps     []ebpf.MapID
}

func (s *Session) holdings() (holdings, error) {
	var h holdings
	var errs []error
	programs := append([]*ebpf.Program{}, s.entries...)
	for _, p := range s.coll.Programs {
		programs = append(programs, p)
	}
	for _, p := range programs {
		info, err := p.Info()
		errs = append(errs, err)
		if err == nil {
			id, _ := info.ID()
			h.Programs = append(h.Programs, id)
		}
	}
	for _, l := range s.links {
		info, err := l.Info()
		errs = append(errs, err)
		if err == nil {
			h.Links = append(h.Links, info.ID)
		}
	}
	for _, m := range s.coll.Maps {
		info, err := m.Info()
		errs = append(errs, err)
		if err == nil {
			id, _ := info.ID()
			h.Maps = append(h.Maps, id)
		}
	}
	return h, errors.Join(errs...)
}

// left counts those programs and links that are still there, and the maps.
func (h holdings) left() (programs, links, maps int) {
	for _, id := range h.Programs {
		if p, err := ebpf.NewProgramFromID(id); err == nil {
			p.Close()
			programs++
		}
	}
	for _, id := range h.Links {
		if l, err := link.NewFromID(id); err == nil {
			l.Close()
			links++
		}
	}
	for _, id := range h.Maps {
		if m, err := ebpf.NewMapFromID(id); err == nil {
			m.Close()
			maps++
		}
	}
	return programs, links, maps
}

func TestNothingIsLeftBehind(t *testing.T) {
	for name, c := range map[string]struct {
		end  string
		stop func(*exec.Cmd) error
		// lives says that the process does not end.
		lives bool
	}{
		"after Close":   {end: "close", lives: true},
		"after SIGINT":  {end: "interrupt", stop: func(c *exec.Cmd) error { return c.Process.Signal(os.Interrupt) }},
		"after kill -9": {end: "kill", stop: func(c *exec.Cmd) error { return c.Process.Signal(syscall.SIGKILL) }},
		"after a panic": {end: "panic"},
	} {
		t.Run(name, func(t *testing.T) {
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), childVariable+"="+c.end)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait() // its death may be the test's aim
			defer stdin.Close()
			line, err := bufio.NewReader(stdout).ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			var h holdings
			if err := json.Unmarshal(line, &h); err != nil {
				t.Fatal(err)
			}
			if len(h.Programs) == 0 || len(h.Links) < len(h.Programs) || len(h.Maps) == 0 {
				t.Errorf("it held %+v", h)
			}
			if c.stop != nil {
				if programs, links, _ := h.left(); programs != len(h.Programs) || links != len(h.Links) {
					t.Errorf("while it traces there are %d of %d programs and %d of %d links", programs, len(h.Programs), links, len(h.Links))
				}
				if err := c.stop(cmd); err != nil {
					t.Fatal(err)
				}
			}
			if !c.lives {
				cmd.Wait()
			}
			gone(t, h, c.lives)
		})
	}
}

// gone waits until the kernel has freed what a process held, which it does in the background.
// A live Go process may keep a map in its memory.
func gone(t *testing.T, h holdings, lives bool) {
	t.Helper()
	var programs, links, maps int
	for deadline := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		programs, links, maps = h.left()
		if lives {
			maps = 0
		}
		if programs+links+maps == 0 {
			return
		}
	}
	t.Errorf("%d programs, %d links and %d maps are left", programs, links, maps)
}
