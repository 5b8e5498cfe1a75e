package main

import (
	"log/slog"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/config"
)

// collectorFlags switch the collectors.
type collectorFlags struct {
	// on and explicit are by name: the value of the flag, and whether it was
	// on the command line.
	on, explicit    map[string]*bool
	disableDefaults *bool
}

func addCollectorFlags(command *kingpin.CmdClause) *collectorFlags {
	f := &collectorFlags{on: map[string]*bool{}, explicit: map[string]*bool{}}
	for _, s := range collector.Switches {
		help, byDefault := "Collect "+s.Help+" (default: off).", "false"
		if s.Default {
			help, byDefault = "Collect "+s.Help+" (default: on).", "true"
		}
		explicit := new(bool)
		f.explicit[s.Name] = explicit
		f.on[s.Name] = command.Flag("collector."+s.Name, help).Default(byDefault).IsSetByUser(explicit).Bool()
	}
	f.disableDefaults = command.Flag("collector.disable-defaults",
		"Switch off all collectors but those that are switched on by name.").Bool()
	return f
}

// enabled tells whether the collector is on.
func (f *collectorFlags) enabled(name string) bool {
	return *f.on[name] && (*f.explicit[name] || !*f.disableDefaults)
}

// amend returns cfg as the flags would have it.
//
// A collector that is off should cost nothing, so its probes are left out: the
// groups of probes are called as the collectors. Timing netfilter means two more
// programs per hook; its collector and stack.netfilter_timing go together, either
// switches on both, and the command line has the last word.
func (f *collectorFlags) amend(cfg config.Config, groups []string) config.Config {
	if *f.explicit[metric.CollectorNetfilter] {
		cfg.Stack.NetfilterTiming = *f.on[metric.CollectorNetfilter]
	}
	var disable []string
	for _, group := range groups {
		_, known := f.on[group]
		off := known && group != metric.CollectorNetfilter && !f.enabled(group)
		if off || slices.Contains(cfg.Stack.Disable, group) {
			disable = append(disable, group)
		}
	}
	cfg.Stack.Disable = disable
	return cfg
}

// newSet returns the enabled collectors, reading from engines that were attached
// just now.
func (f *collectorFlags) newSet(attached engines, cfg config.Config, now func() time.Time, logger *slog.Logger) *collector.Set {
	stack := collector.NewStack(attached.stack, collector.StackOptions{SeriesLimit: cfg.SeriesLimit, Since: now()})
	all := stack.Collectors()
	// Without its group there is no table, which is no failure if it was asked for.
	if !slices.Contains(cfg.Stack.Disable, metric.CollectorFlows) {
		all = append(all, collector.NewFlows(attached.stack, collector.FlowOptions{Top: cfg.Flows.Top, Since: now()}))
	}
	var sockets collector.SocketsReader // nil if they are not wanted
	if attached.sockets != nil {
		sockets = attached.sockets
		all = append(all, collector.NewSockets(sockets, stack))
	}
	all = append(all, collector.NewTCP(attached.stack, stack), collector.NewPosture(attached.posture))
	switch {
	case attached.pathMap != nil:
		all = append(all, collector.NewPathMap(attached.pathMap, stack))
	case attached.pathMapErr != nil:
		all = append(all, collector.NewFailed(metric.CollectorPathMap, attached.pathMapErr))
	}
	var chosen []collector.Collector
	all = append(all, collector.NewDrops(attached.stack, stack))
	for _, c := range append(all, collector.NewSelf(attached.stack, stack, sockets)) {
		if f.enabled(c.Name()) || c.Name() == metric.CollectorNetfilter && cfg.Stack.NetfilterTiming {
			chosen = append(chosen, c)
		}
	}
	if attached.guarder != nil {
		chosen = append(chosen, collector.NewGuarder(attached.guarder, stack, attached.where))
	}
	switch {
	case attached.paths != nil:
		chosen = append(chosen, collector.NewPath(attached.paths, stack))
	case attached.pathsErr != nil:
		chosen = append(chosen, collector.NewFailed(metric.CollectorPath, attached.pathsErr))
	}
	return collector.NewSet(logger, now, chosen...)
}
