package main

import (
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
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
}

// newEnv returns the real one.
func newEnv(args []string) env {
	return env{
		args: args, stdout: os.Stdout, stderr: os.Stderr, now: time.Now,
		hangups: catchHangups, notifyReady: notifyReady,
	}
}

// catchHangups returns the SIGHUPs from now on, which would end the process otherwise. One
// is kept while nobody reads; more would only mean the same.
func catchHangups() <-chan os.Signal {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	return hangups
}
