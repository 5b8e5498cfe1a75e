//go:build e2e && linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/servers"
)

// programs are what the tests run.
type programs struct {
	Exporter, Annotator string // made from these sources
	Tools               servers.Tools
}

// inside carries the programs, as JSON, to the process in the namespace.
const inside = "PACKETSCOPE_E2E"

// found is set in the process in the namespace.
var found programs

// TestMain runs the tests again in a network namespace of their own, with all servers:
// whatever else goes on on this machine is not there. What needs the network outside
// is done before.
func TestMain(m *testing.M) {
	code, err := 0, error(nil)
	if text := os.Getenv(inside); text != "" {
		if err = errors.Join(json.Unmarshal([]byte(text), &found), loopbackUp()); err == nil {
			code = m.Run()
		}
	} else {
		code, err = enter()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// enter returns the exit code of the process in the namespace.
func enter() (int, error) {
	if os.Geteuid() != 0 {
		return 0, errors.New("needs root, for the probes and a network namespace")
	}
	dir, err := os.MkdirTemp("", "packetscope-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	p := programs{Exporter: filepath.Join(dir, "packetscope"), Annotator: filepath.Join(dir, "packetscope-annotator")}
	if p.Tools, err = servers.FindTools(context.Background()); err != nil {
		return 0, err
	}
	if out, err := exec.Command("go", "build", "-o", dir+"/", "../../cmd/packetscope", "../../cmd/packetscope-annotator").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"="+string(text))
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	// The signal comes when this thread ends, and a locked one ends with its goroutine.
	runtime.LockOSThread()
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err = again.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}
