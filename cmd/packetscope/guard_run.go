package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/prometheus/common/version"
)

// Where the agent keeps what outlives it, and is spoken to.
const (
	defaultPins   = "/sys/fs/bpf/packetscope/guard"
	defaultSocket = "/run/packetscope/guard.sock"
	defaultState  = "/var/lib/packetscope/guard"
	// unitStatusSocket is that of packetscope-guard.service.
	unitStatusSocket = "/run/packetscope/guard-status.sock"
)

// addGuardRun adds the agent.
func addGuardRun(guard *kingpin.CmdClause) verb {
	command := guard.Command("run", "Put a policy in force, as root, and look after it. It stays in force when this ends; guard detach takes it away.")
	paths := command.Arg("policy", "Policy files, or folders of them.").Required().Strings()
	devices := command.Flag("device", "Network device, or a pattern such as eth*, instead of those that the policy names; repeat it for more.").Strings()
	ceiling := ceilingFlag(command)
	pins := command.Flag("pins", "Folder in the BPF file system for what outlives the agent.").Default(defaultPins).String()
	state := command.Flag("state", "Folder for what outlives a reboot: which policy was confirmed, who is banned, the last lists of feeds, and MAC addresses that were learnt.").Default(defaultState).String()
	accept := command.Flag("accept-lockout", "Put a policy in force that would cut off connections that this host has, or yours.").Bool()
	samples := sampleFlags(command)
	hits := command.Flag("hits", "Note the sources and ports of what rules drop, for guard top (on by default; --no-hits turns it off).").Default("true").Bool()
	socket := socketFlag(command)
	detach := command.Flag("detach-at-end", "Take the policy away when the agent ends, as guard detach does: for trying it out.").Bool()
	statusSocket := command.Flag("status-socket", "Unix socket by which every user of this host, such as the exporter's, may read the status; empty for none.").String()
	statusHits := command.Flag("status-hits", "Tell on --status-socket whom rules hit, too, which the exporter adds up by country and names in alerts: every user of this host may read the addresses then, and the first 64 bytes of packets that rules sample.").Bool()
	statusBans := command.Flag("status-bans", "Tell on --status-socket who is banned, too, which the exporter publishes if it is told to: every user of this host may read the addresses then.").Bool()
	return func(ctx context.Context, e env, logger *slog.Logger) error {
		ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return runGuard(ctx, e, guarder.Config{
			Paths: *paths, Devices: devicesOrNil(*devices), Ceiling: ceiling(), Dir: *pins, State: *state, Facts: e.guardHost, AcceptLockout: *accept,
			Samples: samples(), NoHits: !*hits, Agent: "packetscope/" + version.Version,
		}, guardEnds{*socket, *statusSocket, *statusHits, *statusBans, *detach}, logger)
	}
}

// sampleFlags adds those about packets that rules have copied.
func sampleFlags(command *kingpin.CmdClause) func() guarder.SampleConfig {
	rate := command.Flag("sample-rate", "Most packets per second, of all rules together, that are copied to user space; 0 for none.").Default("1000").Float64()
	file := command.Flag("sample-file", "Capture (pcapng) that the copies are written to, with rule and verdict.").String()
	size := command.Flag("sample-file-size", "Size at which the next file is begun.").Default("16MB").Bytes()
	files := command.Flag("sample-files", "How many files are kept: a.pcapng, a.1.pcapng and so on.").Default("4").Int()
	return func() guarder.SampleConfig {
		return guarder.SampleConfig{MaxRate: *rate, File: *file, FileBytes: int64(*size), Files: *files}
	}
}

// guardEnds are where an agent is spoken to, and how it ends.
type guardEnds struct {
	socket, statusSocket string
	// statusHits has whom rules hit told on statusSocket.
	statusHits bool
	// statusBans has who is banned told there.
	statusBans bool
	detach     bool
}

func socketFlag(command *kingpin.CmdClause) *string {
	return command.Flag("socket", "Unix socket by which the agent is administered.").Default(defaultSocket).String()
}

func devicesOrNil(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return names
}

// A guardEngine is what the agent needs of a [guarder.Engine].
type guardEngine interface {
	guarder.Administered
	Close()
}

// stopAdmin is for the requests at hand when the agent is told to stop.
const stopAdmin = 5 * time.Second

// runGuard enforces until the end of ctx, or until it is told to detach. A hangup reads
// the policy again, as guard apply does.
func runGuard(ctx context.Context, e env, cfg guarder.Config, ends guardEnds, logger *slog.Logger) (fault error) {
	// What can fail without a policy in force comes first.
	listener, err := guarder.ListenAdmin(ends.socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	var open net.Listener
	if ends.statusSocket != "" {
		if open, err = guarder.ListenStatus(ends.statusSocket); err != nil {
			return err
		}
		defer open.Close()
	}
	engine, err := e.openGuarder(cfg, logger)
	if err != nil {
		return fmt.Errorf("guarder: %w", err)
	}
	defer func() {
		if ends.detach {
			fault = errors.Join(fault, engine.Detach())
		}
		if _, err := engine.Status(); errors.Is(err, guarder.ErrDetached) {
			forget(logger, ends.socket, ends.statusSocket)
		}
		engine.Close()
	}()
	served, detached := make(chan error, 2), make(chan struct{})
	server := answerOn(listener, guarder.AdminHandler(&detachable{guardEngine: engine, detached: detached}), served)
	if open != nil {
		handler := guarder.StatusHandler(engine)
		if ends.statusHits {
			handler = guarder.HitsHandler(engine)
		}
		if ends.statusBans {
			guarder.AddBans(handler, engine)
		}
		defer answerOn(open, handler, served).Close()
	}
	if err := e.notifyReady(); err != nil {
		logger.Warn("the service manager does not know that the policy is in force", "err", err)
	}
	logger.Info("guarding", "policy", cfg.Paths, "socket", ends.socket)
	err = e.lookAfter(ctx, engine, served, detached, ends.detach, logger)
	if err == nil {
		// Whoever asked gets the answer.
		ending, cancel := context.WithTimeout(context.Background(), stopAdmin)
		defer cancel()
		err = server.Shutdown(ending)
	}
	return err
}

// answerOn answers on a socket, and tells when it cannot any more.
func answerOn(l net.Listener, h http.Handler, ended chan<- error) *http.Server {
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: headerTimeout}
	go func() { ended <- fmt.Errorf("socket %v: %w", l.Addr(), server.Serve(l)) }()
	return server
}

// lookAfter does what the agent is told by signals until it is to end: nil then.
func (e env) lookAfter(ctx context.Context, engine guardEngine, served <-chan error, detached <-chan struct{}, takesAway bool, logger *slog.Logger) error {
	hangups := e.hangups()
	for {
		select {
		case <-hangups:
			if err := engine.Apply(guarder.Order{}); err != nil {
				logger.Error("policy not applied, the old one stays", "err", err)
			}
		case err := <-served:
			return err
		case <-ctx.Done():
			if takesAway {
				logger.Info("stopping; the policy is taken away")
			} else {
				logger.Info("stopping; the policy stays in force until guard detach")
			}
			return nil
		case <-detached:
			logger.Info("detached; nothing is left to do")
			return nil
		}
	}
}

// A detachable is an agent that tells when it has been detached.
type detachable struct {
	guardEngine
	detached chan<- struct{}
	once     sync.Once
}

// Detach implements [guarder.Administered].
func (d *detachable) Detach() error {
	err := d.guardEngine.Detach()
	if err == nil {
		d.once.Do(func() { close(d.detached) })
	}
	return err
}

// forget removes the sockets of an agent that nobody has to ask any more: nothing of it
// is in force.
func forget(logger *slog.Logger, sockets ...string) {
	for _, socket := range sockets {
		if socket == "" {
			continue
		}
		if err := guarder.RemoveSocket(socket); err != nil {
			logger.Warn("the socket of the agent is still there", "err", err)
		}
	}
}

// openGuarder puts a policy in force.
func openGuarder(cfg guarder.Config, logger *slog.Logger) (guardEngine, error) {
	engine, err := guarder.Open(cfg, logger)
	if err != nil {
		return nil, err
	}
	return engine, nil
}

// addGuardDetach adds the verb that works without an agent too.
func addGuardDetach(guard *kingpin.CmdClause) verb {
	command := guard.Command("detach", "Take Guarder off all devices and forget its counters, as root; works without an agent too.")
	pins := command.Flag("pins", "Folder of what outlives the agent.").Default(defaultPins).String()
	socket := socketFlag(command)
	statusSocket := command.Flag("status-socket", "The agent's other socket; both are removed if nobody answers.").Default(unitStatusSocket).String()
	return func(_ context.Context, e env, logger *slog.Logger) error {
		// An agent would put its policy back when it is told to apply it; so it is asked
		// first, if there is one.
		asked := guarder.Client{Socket: *socket}.Detach()
		noAgent := errors.Is(asked, guarder.ErrNoAgent)
		if noAgent {
			asked = nil
		}
		removed, err := e.detachGuarder(*pins)
		if err != nil {
			return errors.Join(asked, err)
		}
		if asked != nil {
			fmt.Fprintf(e.stderr, "the agent could not do it (%v), so it was done without it\n", asked)
		}
		if noAgent {
			forget(logger, *socket, *statusSocket)
		}
		if noAgent && len(removed) == 0 {
			fmt.Fprintln(e.stdout, "nothing was attached")
			return nil
		}
		fmt.Fprintln(e.stdout, "detached")
		return nil
	}
}
