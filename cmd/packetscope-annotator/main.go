// Command packetscope-annotator explains the alerts of PacketScope: it takes the webhook of
// Alertmanager, asks Prometheus and, if there is one, a language model, and writes what an
// alert means where people look.
//
// Without arguments it serves on port 10143. Its other verbs are check-config, doctor,
// explain, healthcheck, salvage and version. Everything is in --help.
//
// It needs no privileges, and has no way to the packet filter: what it proposes is text.
//
// This package only wires the others together. Each verb is a file of its name and a
// function that takes an env, so that tests run it in their own process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/packetscope/packetscope/internal/daemon"
	"github.com/packetscope/packetscope/internal/yamlfile"
)

func main() {
	daemon.NameVersion()
	e := newEnv(os.Args[1:])
	if err := run(context.Background(), e); err != nil {
		printError(e.stderr, err)
		os.Exit(1)
	}
}

// printError writes one line, or one per fault if a config is bad; those begin with their
// file and line, where editors look for it.
func printError(w io.Writer, err error) {
	if faults := (*yamlfile.Error)(nil); errors.As(err, &faults) {
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintf(w, "%s: %v\n", program, err)
}
