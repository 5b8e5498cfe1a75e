package daemon

import (
	"os"
	"os/signal"
	"syscall"
)

// Hangups returns the SIGHUPs from now on, which would end the process otherwise. One is
// kept while nobody reads; more would only mean the same.
func Hangups() <-chan os.Signal {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	return hangups
}
