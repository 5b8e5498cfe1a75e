package main

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
)

// An env is everything outside of the program that a verb uses.
type env struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	host           kernel.Host
	// names are what the config may call probes and groups.
	names config.Names
	// open attaches the probes.
	open func(stack.Config, *slog.Logger) (engine, error)
	// watchDrops attaches the program that tells single drops.
	watchDrops func(stack.DropWatchConfig) (dropWatch, error)
	// openSockets finds a way to read sockets.
	openSockets func(sockets.Config, *slog.Logger) (socketEngine, error)
	// openGuarder puts a policy in force, and detachGuarder takes away what is pinned in
	// a folder; it returns the names of that.
	openGuarder   func(guarder.Config, *slog.Logger) (guardEngine, error)
	detachGuarder func(dir string) ([]string, error)
	// rehearseGuarder brings a policy into the kernel to ask it about packets.
	rehearseGuarder func(p *policy.Policy, own []netip.Addr) (rehearsal, error)
	// openLocator gets ready to measure paths.
	openLocator func(locateSetup, *slog.Logger) (pathEngine, error)
	// openPaths begins to measure paths for the exporter.
	openPaths func(pathSetup, *slog.Logger) (pathService, error)
	// owners tells who has sockets; normally [owner.Of].
	owners func([]owner.Socket) []owner.Owner
	// guardHost reads what a policy is compared with; normally [host.Read].
	guardHost func() (*host.Facts, error)
	// guardProbe tries what Guarder, and a policy if it is not nil, need of the kernel;
	// normally [host.Facts.Probe].
	guardProbe func(*host.Facts, *policy.Policy) []kernel.Fact
	// drop gives up all capabilities but some, see [kernel.DropTo].
	drop func(keep []string) ([]string, error)
	// notifyReady tells the service manager that the service runs, if there is one.
	notifyReady func() error
	// hangups returns a channel with a value for each request to reload.
	hangups func() <-chan os.Signal
	// listening, if not nil, is told each address that the server listens on.
	listening func(net.Addr)
}

// newEnv returns the real one.
func newEnv(args []string) env {
	return env{
		args:        args,
		stdin:       os.Stdin,
		stdout:      os.Stdout,
		stderr:      os.Stderr,
		now:         time.Now,
		host:        kernel.ThisHost(),
		names:       stackNames(),
		open:        openStack,
		watchDrops:  watchDrops,
		openSockets: openSockets,
		openGuarder: openGuarder, detachGuarder: guarder.Detach, rehearseGuarder: rehearseGuarder,
		openLocator: openLocator, openPaths: openPaths,
		owners:    owner.Of,
		guardHost: host.Read, guardProbe: (*host.Facts).Probe,
		drop:        kernel.DropTo,
		hangups:     catchHangups,
		notifyReady: notifyReady,
	}
}

// catchHangups returns the SIGHUPs from now on, which would end the process
// otherwise. One is kept while nobody reads; more would only mean the same.
func catchHangups() <-chan os.Signal {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	return hangups
}
