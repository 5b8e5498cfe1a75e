package main

import (
	"io"
	"net"
	"os"
	"time"

	"github.com/packetscope/packetscope/internal/daemon"
)

// program is the name of the command.
const program = "packetscope-annotator"

// An env is everything outside of the program that a verb uses, but for files and networks.
type env struct {
	args           []string
	stdout, stderr io.Writer
	now            func() time.Time
	// hangups returns a channel with a value for each request to reload.
	hangups func() <-chan os.Signal
	// notifyReady tells the service manager that the service runs, if there is one.
	notifyReady func() error
	// listening, if not nil, is told each address that the server listens on.
	listening func(net.Addr)
	// within is how long a message may take to be stored; 0: as the webhook has it.
	within time.Duration
}

// newEnv returns the real one.
func newEnv(args []string) env {
	return env{
		args: args, stdout: os.Stdout, stderr: os.Stderr, now: time.Now,
		hangups: daemon.Hangups, notifyReady: daemon.NotifyReady,
	}
}
