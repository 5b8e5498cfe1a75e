package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

const (
	// headerTimeout ends connections that never finish asking, idleTimeout those that ask
	// nothing more: Prometheus asks every minute or more often.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// A Config is what a server is made of.
type Config struct {
	Flags   *web.FlagConfig
	Handler http.Handler
	Logger  *slog.Logger
	// Grace is for the requests at hand when it is told to stop. Prometheus waits 10 s for
	// a scrape, systemd 90 s for a stop, Docker 10 s.
	Grace time.Duration
	// Listening, if not nil, is told each address that is listened on.
	Listening func(net.Addr)
}

// A Server is an HTTP server as an actor of a run.Group: Run and Stop are its functions.
type Server struct {
	// Ready is closed when the first address is listened on.
	Ready <-chan struct{}

	http     *http.Server
	config   Config
	stopped  chan struct{} // closed when no request is being served any more
	stopOnce sync.Once
}

// NewServer returns one that does not listen yet.
func NewServer(c Config) *Server {
	ready := make(chan struct{})
	s := &Server{Ready: ready, config: c, stopped: make(chan struct{})}
	var once sync.Once
	s.http = &http.Server{
		Handler:           c.Handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn),
		// Called for each listener when it is open. The toolkit opens sockets of several
		// kinds by itself and has no other way to tell when it is done.
		BaseContext: func(listener net.Listener) context.Context {
			if c.Listening != nil {
				c.Listening(listener.Addr())
			}
			once.Do(func() { close(ready) })
			return context.Background()
		},
	}
	return s
}

// Run serves until Stop, and returns when the last answer has been given. An error is of
// one line, and says what to do if an address is taken.
func (s *Server) Run() error {
	if file := *s.config.Flags.WebConfigFile; file != "" {
		// The toolkit's errors do not name it.
		if err := web.Validate(file); err != nil {
			return fmt.Errorf("web config %q: %s", file, strings.Join(strings.Fields(err.Error()), " "))
		}
	}
	err := web.ListenAndServe(s.http, s.config.Flags, s.config.Logger)
	switch {
	case errors.Is(err, http.ErrServerClosed):
		<-s.stopped
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w (choose another with --web.listen-address, or stop the program that listens there)", err)
	}
	return err
}

// Stop finishes the requests at hand and cuts off those that take longer than the grace.
func (s *Server) Stop(error) {
	s.config.Logger.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Grace)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.config.Logger.Warn("requests cut off", "err", err)
		s.http.Close()
	}
	s.stopOnce.Do(func() { close(s.stopped) })
}
