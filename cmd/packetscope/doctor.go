package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/prometheus/common/version"
)

// A diagnosis is what doctor found out, and the JSON it prints. Fields may be
// added to it; none is renamed or removed.
type diagnosis struct {
	Version string `json:"version"`
	// Facts are about the kernel and its settings.
	Facts []kernel.Fact `json:"facts"`
	// Capabilities are those of the process that runs doctor.
	Capabilities []kernel.Capability `json:"capabilities"`
	// Guarder is what the kernel can do of what the packet filter needs.
	Guarder []kernel.Fact `json:"guarder"`
	// Posture is which settings leave the host exposed to attacks.
	Posture []kernel.Fact `json:"posture"`
	// Alertmanagers are whether those of the config answer; empty without any.
	Alertmanagers []kernel.Fact `json:"alertmanagers"`
	// Probes are empty if none could be attached.
	Probes []probeState `json:"probes"`
	// Attached is how many probes deliver.
	Attached int `json:"attached"`
	// NamespacesSeen and NamespacesUnseen count the network namespaces by whether
	// the hooks of the family net see their traffic; both are 0 without such a
	// hook, because the other families see all traffic.
	NamespacesSeen   int `json:"namespaces_seen"`
	NamespacesUnseen int `json:"namespaces_unseen"`
	// Problem tells why no probe could be attached, with the cure; "" if one could.
	Problem string `json:"problem,omitempty"`
}

// A probeState tells how one probe was attached.
type probeState struct {
	Name     string `json:"name"`
	Attached bool   `json:"attached"`
	// Family is the hook family: "tracepoint", "trampoline", "kprobe" or "net"; for
	// sockets "iterator" or "sock_diag".
	Family string `json:"family"`
	// Hook is the hook in use or, if there is none, the first that was tried.
	Hook string `json:"hook"`
	// Reason tells why it is not attached, or not in the best way, and the cure.
	Reason string `json:"reason,omitempty"`
}

func addDoctor(app *kingpin.Application) verb {
	command := app.Command("doctor", "Attach the probes for a moment and tell what this host can do, what it cannot, and what would help.")
	file := command.Flag("config.file", "Config file, as for serve.").String()
	asJSON := command.Flag("json", "Print JSON.").Bool()
	return func(ctx context.Context, e env, _ *slog.Logger) error {
		cfg, err := config.Load(*file, e.names)
		if err != nil {
			return err
		}
		return doctor(ctx, e, cfg, *asJSON)
	}
}

// doctor prints a diagnosis, and returns an error if nothing useful can run.
func doctor(ctx context.Context, e env, cfg config.Config, asJSON bool) error {
	// The engine's log would only repeat, in worse order, what is printed here.
	d, err := diagnose(e, cfg.Stack, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	d.Alertmanagers = alertmanagerFacts(ctx, cfg.Alerting)
	if asJSON {
		encoder := json.NewEncoder(e.stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(d)
	} else {
		err = d.print(e.stdout)
	}
	if err == nil && d.Problem != "" {
		err = errors.New(d.Problem)
	}
	return err
}

// diagnose attaches the probes, asks how they are, and detaches them.
func diagnose(e env, cfg stack.Config, logger *slog.Logger) (diagnosis, error) {
	d := diagnosis{
		Version:       version.Version,
		Facts:         e.host.Facts(),
		Capabilities:  e.host.Capabilities(),
		Guarder:       e.guardProbe(new(host.Facts), nil),
		Posture:       postureFacts(e.posture),
		Probes:        []probeState{},
		Alertmanagers: []kernel.Fact{},
	}
	attached, err := e.open(cfg, logger)
	if err != nil {
		d.Problem = explainAttach(fmt.Errorf("attach probes: %w", err), e.host).Error()
		return d, nil
	}
	self, err := attached.Self()
	if err := errors.Join(err, attached.Close()); err != nil {
		return d, err
	}
	socketState, err := diagnoseSockets(e, cfg, logger)
	if err != nil {
		return d, err
	}
	d.NamespacesSeen, d.NamespacesUnseen = self.NamespacesCovered, self.NamespacesUncovered
	for _, p := range self.Probes {
		d.Probes = append(d.Probes, probeState{p.Name, p.Attached, p.Family.String(), p.Hook, p.Reason})
		if p.Attached {
			d.Attached++
		}
	}
	if d.Attached == 0 {
		d.Problem = stack.ErrNothingAttached.Error()
	}
	d.Probes = append(d.Probes, socketState)
	if socketState.Attached {
		d.Attached++
	}
	return d, nil
}

// diagnoseSockets tells in which way sockets are read, as if that were a probe.
func diagnoseSockets(e env, cfg stack.Config, logger *slog.Logger) (probeState, error) {
	s, err := e.openSockets(socketsOf(cfg), logger)
	if err != nil {
		return probeState{}, fmt.Errorf("open sockets: %w", err)
	}
	r, err := s.Report()
	if err := errors.Join(err, s.Close()); err != nil {
		return probeState{}, err
	}
	state := probeState{Name: metric.CollectorSockets, Attached: r.Attached, Family: r.Way.String(), Hook: r.Hook, Reason: r.Reason}
	if !r.Attached {
		state.Family = sockets.Iterator.String() // the first that was tried
	}
	return state, nil
}
