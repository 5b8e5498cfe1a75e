//go:build kernel && linux

package stack

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestMain lets the test binary be the process that dies.
func TestMain(m *testing.M) {
	if config, ok := os.LookupEnv("PACKETSCOPE_TEST_ENGINE"); ok {
		if err := runEngine(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if common.process != nil {
		common.process.end()
	}
	os.Exit(code)
}

// runEngine opens an engine, says what it holds in the kernel, and closes it when it
// reads a line; then it goes on, holding nothing, until its standard input ends.
func runEngine(config string) error {
	var cfg Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return err
	}
	e, err := Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	h, err := e.holdings()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(h); err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	// The map of the variables is mapped into memory, and freed with the garbage.
	e = nil
	runtime.GC()
	_, err = io.Copy(io.Discard, in)
	return err
}

// holdings are ids of what an engine has in the kernel.
type holdings struct {
	Programs []ebpf.ProgramID
	Maps     []ebpf.MapID
	Links    []link.ID
}

func (e *Engine) holdings() (holdings, error) {
	var h holdings
	var errs []error
	addLink := func(l link.Link) {
		info, err := l.Info()
		if errors.Is(err, ebpf.ErrNotSupported) {
			return // a kprobe has no link before Linux 5.15
		}
		errs = append(errs, err)
		if err == nil {
			h.Links = append(h.Links, info.ID)
		}
	}
	for _, x := range e.fixtures {
		for _, p := range x.programs {
			info, err := p.Info()
			errs = append(errs, err)
			if id, ok := info.ID(); ok {
				h.Programs = append(h.Programs, id)
			}
		}
		for _, l := range x.links {
			addLink(l)
		}
	}
	for _, links := range e.follower.links {
		for _, l := range links {
			addLink(l)
		}
	}
	for _, m := range e.objects.maps {
		info, err := m.Info()
		errs = append(errs, err)
		if id, ok := info.ID(); ok {
			h.Maps = append(h.Maps, id)
		}
	}
	return h, errors.Join(errs...)
}

// left counts what is still there. Ids are not given out again before all are used up.
func (h holdings) left() (programs, maps, links int) {
	for _, id := range h.Programs {
		if p, err := ebpf.NewProgramFromID(id); err == nil {
			p.Close()
			programs++
		}
	}
	for _, id := range h.Maps {
		if m, err := ebpf.NewMapFromID(id); err == nil {
			m.Close()
			maps++
		}
	}
	for _, id := range h.Links {
		if l, err := link.NewFromID(id); err == nil {
			l.Close()
			links++
		}
	}
	return programs, maps, links
}

func TestNothingIsLeftBehind(t *testing.T) {
	n := testnet.New(t)
	for name, end := range map[string]func(*exec.Cmd, io.Writer) error{
		"after kill -9": func(cmd *exec.Cmd, _ io.Writer) error { return cmd.Process.Kill() },
		// The process lives on, so it is not its death that frees them.
		"after Close": func(_ *exec.Cmd, stdin io.Writer) error { _, err := io.WriteString(stdin, "\n"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stdin, h := startEngine(t, n.Left, Config{OwnNamespaceOnly: true, Hooks: forced(t)})
			if programs, maps, links := h.left(); programs != len(h.Programs) || maps != len(h.Maps) || links != len(h.Links) ||
				programs == 0 || maps == 0 || links == 0 {
				t.Fatalf("of %+v there are %d programs, %d maps, %d links", h, programs, maps, links)
			}
			must(t, end(cmd, stdin))
			var programs, maps, links int
			// The kernel frees them in the background.
			gone := eventually(t, func() bool {
				programs, maps, links = h.left()
				return programs+maps+links == 0
			})
			if !gone {
				t.Errorf("%d programs, %d maps and %d links are left", programs, maps, links)
			}
		})
	}
}

// startEngine starts a process with an engine in ns.
func startEngine(t *testing.T, ns *testnet.Namespace, cfg Config) (*exec.Cmd, io.Writer, holdings) {
	t.Helper()
	config, err := json.Marshal(cfg)
	must(t, err)
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PACKETSCOPE_TEST_ENGINE="+string(config))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	ns.Do(t, func() { must(t, cmd.Start()) })
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // was killed, one way or the other
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	must(t, err)
	var h holdings
	must(t, json.Unmarshal(line, &h))
	return cmd, stdin, h
}
