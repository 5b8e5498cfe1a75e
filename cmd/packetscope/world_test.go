package main

import (
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"testing/fstest"
	"time"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/lines"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// patience is how long a test waits for what should come at once.
var patience = lines.Patience

// world is an env that stands for a capable host, and what it records.
type world struct {
	env
	engine         *fakeEngine
	sockets        *fakeSockets
	stdout, stderr *lines.Lines
	hangups        chan os.Signal
	// opened is the config that the engine was opened with, nil before that.
	opened *stack.Config
	// openedSockets is the config that sockets were opened with, nil before that.
	openedSockets *sockets.Config
	// pathMap is what samples packets, pathMapErr why nothing does, and openedPathMap the config
	// that it was opened with, nil before that.
	pathMap       *fakePathMap
	pathMapErr    error
	openedPathMap *pathmap.Config
	// openErr, if not nil, is returned instead of the engine.
	openErr error
	// ready is how often the service manager was told.
	ready atomic.Int32
	// kept is the last argument of drop.
	kept []string
}

// epoch is the time in tests. It does not pass.
var epoch = time.Unix(1_700_000_000, 500_000_000)

func newWorld(args ...string) *world {
	w := &world{engine: newFakeEngine(), pathMap: newFakePathMap(), sockets: newFakeSockets(), stdout: lines.New(), stderr: lines.New(), hangups: make(chan os.Signal, 1)}
	w.env = env{
		args:        args,
		stdout:      w.stdout,
		stderr:      w.stderr,
		now:         func() time.Time { return epoch },
		host:        fakeHost(kernel.CapBPF, kernel.CapPerfmon, kernel.CapNetAdmin),
		names:       config.Names{Probes: []string{"link_receive"}, Groups: stack.ProbeGroups()},
		posture:     fakePosture(),
		notifyReady: func() error { w.ready.Add(1); return nil },
		hangups:     func() <-chan os.Signal { return w.hangups },
		open: func(cfg stack.Config, _ *slog.Logger) (engine, error) {
			w.opened = &cfg
			if w.openErr != nil {
				return nil, w.openErr
			}
			return w.engine, nil
		},
		openSockets: func(cfg sockets.Config, _ *slog.Logger) (socketEngine, error) {
			w.openedSockets = &cfg
			return w.sockets, nil
		},
		openPathMap: func(cfg pathmap.Config) (pathSampler, error) {
			w.openedPathMap = &cfg
			if w.pathMapErr != nil {
				return nil, w.pathMapErr
			}
			return w.pathMap, nil
		},
		guardProbe: func(_ *host.Facts, p *policy.Policy) []kernel.Fact {
			facts := []kernel.Fact{{Name: "xdp_links", Outcome: kernel.Yes, Detail: "built in"}}
			if p == nil {
				facts = append(facts, kernel.Fact{
					Name: "xdp_loop", Outcome: kernel.No, Detail: "bpf_loop in programs of XDP not supported (requires Linux >= 5.17)", Cure: "run Linux 5.17 or newer",
				})
			}
			return facts
		},
		owners: func(sockets []owner.Socket) []owner.Owner { return make([]owner.Owner, len(sockets)) },
		drop: func(keep []string) ([]string, error) {
			w.kept = keep
			return keep, nil
		},
	}
	return w
}

// fakeHost is a host with the named capabilities on which all is well but that
// it has no types.
func fakeHost(held ...string) kernel.Host {
	set := map[string]bool{}
	for _, name := range held {
		set[name] = true
	}
	root := fstest.MapFS{}
	for path, text := range map[string]string{
		"proc/sys/kernel/osrelease": "6.18.44\n",
		"proc/self/uid_map":         "0 0 4294967295\n",
		"proc/mounts":               "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
	} {
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return kernel.Host{
		Root: root, Held: set,
		BTF:        func() (*kernel.BTF, error) { return nil, errors.New("no types in tests") },
		Trampoline: func() error { return kernel.Missing("trampolines", "5.5") },
	}
}
