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
	// headerTimeout ends connections that never finish asking.
	headerTimeout = 10 * time.Second
	// stopTimeout is for the scrapes at hand when the exporter is told to stop.
	// Prometheus waits 10 s for a scrape, systemd 90 s for a stop, Docker 10 s.
	stopTimeout = 5 * time.Second
)

// server is the HTTP server as an actor of a run.Group.
type server struct {
	http   *http.Server
	flags  *web.FlagConfig
	logger *slog.Logger
	// ready is closed when all addresses are listened on.
	ready chan struct{}
	// stopped is closed when no request is being served any more.
	stopped  chan struct{}
	stopOnce sync.Once
}

func newServer(e env, flags *web.FlagConfig, handler http.Handler, logger *slog.Logger) *server {
	s := &server{flags: flags, logger: logger, ready: make(chan struct{}), stopped: make(chan struct{})}
	var once sync.Once
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		// Called for each listener when it is open. The toolkit opens sockets of
		// several kinds by itself and has no other way to tell when it is done.
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
	s.stopOnce.Do(func() { close(s.stopped) })
}
