package main

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/daemon"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/posture"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// An env is everything outside of the program that a verb uses.
type env struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	// monotonic is the clock of the Tracer's events.
	monotonic func() time.Duration
	// terminal tells whether somebody reads stdout and types into stdin.
	terminal func() bool
	host     kernel.Host
	// names are what the config may call probes and groups.
	names config.Names
	// posture is where settings are read that decide about attacks.
	posture posture.Host
	// open attaches the probes.
	open func(stack.Config, *slog.Logger) (engine, error)
	// watchDrops attaches the program that tells single drops.
	watchDrops func(stack.DropWatchConfig) (dropWatch, error)
	// openSockets finds a way to read sockets.
	openSockets func(sockets.Config, *slog.Logger) (socketEngine, error)
	// openPathMap begins to sample the ways of packets through the kernel.
	openPathMap func(pathmap.Config) (pathSampler, error)
	// openGuarder puts a policy in force, and detachGuarder takes away what is pinned in
	// a folder; it returns the names of that.
	openGuarder   func(guarder.Config, *slog.Logger) (guardEngine, error)
	detachGuarder func(dir string) ([]string, error)
	// rehearseGuarder brings a policy into the kernel to ask it about packets.
	rehearseGuarder func(p *policy.Policy, own []netip.Addr, lists []feed.Row, bans *policy.Bans) (rehearsal, error)
	// openLocator gets ready to measure paths.
	openLocator func(locateSetup, *slog.Logger) (pathEngine, error)
	// openPaths begins to measure paths for the exporter.
	openPaths func(pathSetup, *slog.Logger) (pathService, error)
	// functions lists those of the kernel that take a packet; normally [tracer.Functions].
	functions func() ([]tracer.Function, error)
	// tcpInfo asks for a connection; normally [sockets.ReadTCPInfo].
	tcpInfo func(sockets.Socket) (sockets.TCPInfo, error)
	// openTracer attaches what follows packets.
	openTracer func(tracer.Config) (traceSession, error)
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
		monotonic:   tracer.Now,
		terminal:    func() bool { return isTerminal(os.Stdin) && isTerminal(os.Stdout) },
		host:        kernel.ThisHost(),
		names:       stackNames(),
		posture:     posture.ThisHost(),
		open:        openStack,
		watchDrops:  watchDrops,
		openSockets: openSockets,
		openPathMap: openPathMap,
		openGuarder: openGuarder, detachGuarder: guarder.Detach, rehearseGuarder: rehearseGuarder,
		openLocator: openLocator, openPaths: openPaths,
		openTracer: openTracer,
		functions:  tracer.Functions,
		tcpInfo:    sockets.ReadTCPInfo,
		owners:     owner.Of,
		guardHost:  host.Read, guardProbe: (*host.Facts).Probe,
		drop:        kernel.DropTo,
		hangups:     daemon.Hangups,
		notifyReady: daemon.NotifyReady,
	}
}
