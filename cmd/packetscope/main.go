// Command packetscope is a Prometheus exporter that shows how packets move
// through the layers of the Linux network stack.
//
// Without arguments it serves metrics on port 10142. Its other verbs look at a
// machine before and while it does so: doctor, drops, flows, sockets,
// locate, trace, guard, geodb, check-config, healthcheck and version. Everything is in --help.
//
// This package only wires the others together. Each verb is a file of its name
// and a function that takes an env, so that tests run it in their own process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/daemon"
)

func main() {
	daemon.NameVersion()
	e := newEnv(os.Args[1:])
	if err := run(context.Background(), e); err != nil {
		printError(e.stderr, err)
		os.Exit(exitStatus(err))
	}
}

// printError writes one line, or one per fault if a config is bad; those begin
// with their file and line, where editors look for it. Verbs that end with a status of
// their own have written everything.
func printError(w io.Writer, err error) {
	if faults := (*config.Error)(nil); errors.As(err, &faults) {
		fmt.Fprintln(w, err)
		return
	}
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		return
	}
	fmt.Fprintf(w, "packetscope: %v\n", err)
}
