//go:build compose && linux

package deploy

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/debian"
)

// composeVersion is the Compose that is built if this machine has none. It is of
// the series that speaks to Debian's engine.
const composeVersion = "v2.40.3"

// An engine is a Docker daemon of the test's own.
//
// It runs in a network namespace with nothing but a loopback device and a cable whose
// ends are both there, which is "the host" to the containers: they cannot reach any
// other network, their ports are nobody else's, and no firewall rule of this machine is
// touched.
type engine struct {
	dir     string
	env     []string
	docker  string
	compose string
	pid     int // of the daemon
}

// startEngine gets Debian's Docker without installing it, and runs it until the
// test ends.
func startEngine(t *testing.T) *engine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the compose lane needs root")
	}
	cache, err := debian.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: paths of sockets are short.
	dir, err := os.MkdirTemp("", "ps-engine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the engine left something behind: %v", err)
		}
	})
	e := &engine{dir: dir}
	var programs, libraries []string
	// Names inside containers are resolved through a rule of iptables in each.
	for _, name := range []string{"docker.io", "containerd", "runc", "tini", "iptables",
		"libip4tc2", "libip6tc2", "libxtables12", "libnftnl11", "libmnl0", "libnetfilter-conntrack3", "libnfnetlink0"} {
		root, err := debian.Unpack(t.Context(), cache, name)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, root+"/usr/bin", root+"/usr/sbin", root+"/sbin")
		found, _ := filepath.Glob(root + "/usr/lib/*-linux-gnu*")
		libraries = append(libraries, found...)
		if name == "docker.io" {
			e.docker = root + "/usr/bin/docker"
		}
		if name == "iptables" {
			linkIptables(t, dir, root)
		}
	}
	path := strings.Join(append([]string{dir + "/bin"}, append(programs, os.Getenv("PATH"))...), ":")
	e.env = append(os.Environ(), "PATH="+path, "LD_LIBRARY_PATH="+strings.Join(libraries, ":"),
		"XTABLES_LIBDIR="+strings.Join(glob(libraries, "xtables"), ":"),
		"DOCKER_HOST=unix://"+dir+"/sock", "DOCKER_CONFIG="+dir+"/config", "DOCKER_BUILDKIT=1")
	e.compose = buildCompose(t, cache)
	e.run(t)
	return e
}

func glob(folders []string, name string) (found []string) {
	for _, folder := range folders {
		some, _ := filepath.Glob(folder + "/" + name)
		found = append(found, some...)
	}
	return found
}

// linkIptables gives the program the names under which it is called, which the
// package's installation would.
func linkIptables(t *testing.T, dir, root string) {
	t.Helper()
	if err := os.MkdirAll(dir+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iptables", "ip6tables"} {
		if err := os.Symlink(root+"/usr/sbin/xtables-nft-multi", dir+"/bin/"+name); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts the daemon and waits until it answers.
func (e *engine) run(t *testing.T) {
	t.Helper()
	log, err := os.Create(e.dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	daemon := exec.Command("sh", "-c", `ip link set lo up && ip link add eth0 type veth peer name wire && ip link set wire up && ip link set eth0 up && echo {} > "$0/none.json" && exec dockerd --config-file "$0/none.json" `+
		`--data-root "$0/data" --exec-root "$0/exec" --pidfile "$0/pid" --host "unix://$0/sock" `+
		`--bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false`, e.dir)
	daemon.Env, daemon.Stdout, daemon.Stderr = e.env, log, log
	// What it mounts goes with it, too. The library makes that namespace private.
	daemon.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	e.pid = daemon.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	t.Cleanup(func() {
		daemon.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			daemon.Process.Kill()
			t.Error("dockerd does not end")
		}
		if t.Failed() {
			t.Logf("end of dockerd's log:\n%s", tail(e.dir+"/log", 4000))
		}
	})
	poll(t, time.Minute, "dockerd answers", func() error {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("dockerd ended: %v\n%s", err, tail(e.dir+"/log", 4000))
		default:
		}
		_, err := e.try(e.docker, "info")
		return err
	})
}

func tail(path string, size int) string {
	data, _ := os.ReadFile(path)
	return string(data[max(0, len(data)-size):])
}

// try runs a command against the engine and returns what it prints. Docker prints
// progress as errors, so both are in the error.
func (e *engine) try(name string, args ...string) (string, error) {
	// Compiling all of it takes a few minutes, and much longer beside others.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	var out, all bytes.Buffer
	command.Env, command.Dir = e.env, top
	command.Stdout, command.Stderr = &out, &all
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &out, &all)
	}
	return out.String(), nil
}

// must is try for what has to succeed.
func (e *engine) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := e.try(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// buildCompose returns the path of Docker Compose, which Debian 12 does not have.
// It is built once, in a module of its own.
func buildCompose(t *testing.T, cache string) string {
	t.Helper()
	program := filepath.Join(cache, "docker-compose-"+composeVersion)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/go.mod", []byte("module throwaway\n\ngo 1.25\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const source = "github.com/docker/compose/v2/cmd"
	for _, args := range [][]string{
		{"get", "-tool", source + "@" + composeVersion},
		{"build", "-trimpath", "-o", program + ".new", "-ldflags", "-s -w -X github.com/docker/compose/v2/internal.Version=" + composeVersion, source},
	} {
		command := exec.CommandContext(t.Context(), "go", args...)
		command.Dir, command.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("build Docker Compose: %v\n%s", err, out)
		}
	}
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
	return program
}

// poll asks again until there is no error.
func poll(t *testing.T, patience time.Duration, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s: %v", patience, what, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
