package main

import (
	"context"
	"os/signal"
	"syscall"
)

// untilInterrupted returns a context that the first signal ends. The second one ends the program:
// it cannot end by itself while it writes to what nobody reads.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
