//go:build linux

// Command packetscope-demo makes the traffic and the faults that PacketScope
// shows, at a low and bounded rate, so that a newcomer sees every panel alive.
//
// It takes two: a server and a client, each in a network namespace of its own,
// joined by a network that leads nowhere else. In compose.yaml they are the
// profile "demo". "packetscope-demo plan" prints what is sent when, with the
// most packets that it takes; every fault has a name, under which it is logged
// and can be switched off.
//
// Both need CAP_NET_ADMIN (firewall rules, a shaper, routes) in their own
// namespaces, and the client CAP_NET_RAW (pings, broken segments). What lacks a
// privilege is logged and left out.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "packetscope-demo: %v\n", err)
		os.Exit(1)
	}
}

// run parses the arguments and plays the role that they name until the end of ctx.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	app := kingpin.New("packetscope-demo", "Traffic and faults for PacketScope to show.")
	app.Version(version.Print("packetscope-demo"))
	app.HelpFlag.Short('h')
	logging := &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, logging)

	server := app.Command("server", "Offer the services that the client talks to.")
	client := app.Command("client", "Talk to the server, and provoke faults.")
	peers := client.Flag("server", "Name or address of the server; repeat it for the second IP version.").Required().Strings()
	faults := faultFlags(client)
	health := app.Command("healthcheck", "Ask the server or the client of this network namespace whether it works; exit 0 if so.")
	table := app.Command("plan", "Print what is sent when.")

	verb, err := app.Parse(args)
	if err != nil {
		return err
	}
	logger := promslog.New(logging)
	switch verb {
	case server.FullCommand():
		return serve(ctx, logger)
	case client.FullCommand():
		return play(ctx, *peers, wanted(plan, faults), logger)
	case health.FullCommand():
		return askHealth(ctx)
	case table.FullCommand():
		return printPlan(stdout, plan)
	}
	return nil
}

// faultFlags adds a flag for each fault, on by default, as --no-fault.NAME.
func faultFlags(command *kingpin.CmdClause) map[string]*bool {
	flags := map[string]*bool{}
	for _, t := range plan {
		if t.fault {
			flags[t.name] = command.Flag("fault."+t.name, t.says+".").Default("true").Bool()
		}
	}
	return flags
}

// play runs the client with some tasks.
func play(ctx context.Context, peers []string, tasks []task, logger *slog.Logger) error {
	health := &health{}
	if err := health.serve(ctx); err != nil {
		return err
	}
	c, err := newClient(ctx, peers, logger)
	if err != nil || ctx.Err() != nil {
		return err
	}
	c.health = health
	logger.Info("playing", "server", c.server, "tasks", len(tasks), "packets_per_second_at_most", packetsPerSecond(tasks))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.play(ctx, tasks)
	}()
	health.beat() // the server is given time to answer first
	err = health.watch(ctx, lost)
	stop()
	<-done
	return err
}
