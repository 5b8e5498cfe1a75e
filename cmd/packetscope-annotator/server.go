package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

const (
	// headerTimeout ends connections that never finish asking, idleTimeout those that ask
	// nothing more.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// stopTimeout is for the requests at hand when the annotator is told to stop; with the
	// grace of the engine it is within the 10 s of Docker.
	stopTimeout = 3 * time.Second
)

// server is the HTTP server as an actor of a run.Group.
type server struct {
	http    *http.Server
	flags   *web.FlagConfig
	logger  *slog.Logger
	ready   chan struct{} // closed when it is listened
	stopped chan struct{} // closed when no request is being served any more
	once    sync.Once
}

func newServer(e env, flags *web.FlagConfig, handler http.Handler, logger *slog.Logger) *server {
	s := &server{flags: flags, logger: logger, ready: make(chan struct{}), stopped: make(chan struct{})}
	var once sync.Once
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		// Called when the listener is open; the toolkit has no other way to tell.
		BaseContext: func(listener net.Listener) context.Context {
			if e.listening != nil {
				e.listening(listener.Addr())
			}
			once.Do(func() { close(s.ready) })
			return context.Background()
		},
	}
	return s
}

// run serves until stop, and returns when the last answer has been given.
func (s *server) run() error {
	err := web.ListenAndServe(s.http, s.flags, s.logger)
	if errors.Is(err, http.ErrServerClosed) {
		<-s.stopped
		return nil
	}
	return err
}

// stop finishes the requests at hand and cuts off those that take too long.
func (s *server) stop(error) {
	s.logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.logger.Warn("requests cut off", "err", err)
		s.http.Close()
	}
	s.once.Do(func() { close(s.stopped) })
}
