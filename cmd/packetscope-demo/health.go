//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// healthAddress is in the network namespace of the server or the client.
	healthAddress = "127.0.0.1:8099"
	// pulse is how old the last success may be.
	pulse = 15 * time.Second
	// lost is how old it is when a client gives up: the server may have come back
	// under another address.
	lost = time.Minute
)

// health tells whether the program works: the server if it has opened all of its
// services, the client if it has been served lately.
type health struct {
	always bool
	// last is when the last task was done, in Unix nanoseconds.
	last atomic.Int64
}

// beat notes a success.
func (h *health) beat() { h.last.Store(time.Now().UnixNano()) }

func (h *health) ok() bool { return h.always || h.age() < pulse }

// age returns the time since the last success.
func (h *health) age() time.Duration { return time.Since(time.Unix(0, h.last.Load())) }

// watch returns an error when the last success is too old, or nil with the end of
// ctx.
func (h *health) watch(ctx context.Context, tooOld time.Duration) error {
	for {
		left := tooOld - h.age()
		if left <= 0 {
			return fmt.Errorf("the server has not answered for %v; start this client again to look for it anew", tooOld)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(left):
		}
	}
}

// serve answers until the end of ctx.
func (h *health) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", healthAddress)
	if err != nil {
		return fmt.Errorf("answer health checks: %w (is another demo in this network namespace?)", err)
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !h.ok() {
			http.Error(w, fmt.Sprintf("nothing done in the last %v; see the log", pulse), http.StatusServiceUnavailable)
		}
	})}
	go server.Serve(listener)
	context.AfterFunc(ctx, func() { server.Close() })
	return nil
}

// askHealth returns an error unless the program of this network namespace works.
func askHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+healthAddress, nil)
	if err != nil {
		return err
	}
	// No proxy: it is about this namespace.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s", answer.Status)
	}
	return nil
}
