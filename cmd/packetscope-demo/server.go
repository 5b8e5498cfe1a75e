//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// serve opens all services, and returns with the end of ctx or if a port is taken.
func serve(ctx context.Context, logger *slog.Logger) error {
	var rules filter
	err := errors.Join(
		rules.drop(rule{protocol: unix.IPPROTO_TCP, port: swallowPort}),
		rules.drop(rule{protocol: unix.IPPROTO_UDP, port: forbiddenUDPPort}))
	if err != nil {
		logger.Warn("faults left out", "faults", "timeout, policy", "err", err)
	}
	for _, s := range services {
		listener, err := s.listen(ctx)
		if err != nil {
			return fmt.Errorf("open the service %q: %w", s.name, err)
		}
		defer listener.Close()
		go s.accept(listener, logger)
	}
	lookups, err := listenUDP(ctx, lookupPort, 0)
	if err != nil {
		return fmt.Errorf("open the service \"lookup\": %w", err)
	}
	defer lookups.Close()
	go answerLookups(lookups)
	overflow, err := listenUDP(ctx, overflowPort, smallBuffer)
	if err != nil {
		return fmt.Errorf("open the service \"overflow\": %w", err)
	}
	defer overflow.Close()
	go readRarely(overflow)

	health := &health{always: true}
	if err := health.serve(ctx); err != nil {
		return err
	}
	logger.Info("serving", "tcp_services", len(services), "udp_services", 2)
	<-ctx.Done()
	return nil
}

// listenUDP opens a port of both IP versions, with a receive buffer if buffer is
// not 0.
func listenUDP(ctx context.Context, port uint16, buffer int) (net.PacketConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if buffer == 0 {
			return nil
		}
		return setInt(raw, unix.SO_RCVBUF, buffer)
	}}
	return config.ListenPacket(ctx, "udp", fmt.Sprintf(":%d", port))
}

// answerLookups sends twice of what it gets.
func answerLookups(conn net.PacketConn) {
	data := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(data)
		if err != nil {
			return
		}
		if _, err := conn.WriteTo(append(data[:n:n], data[:n]...), from); errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// readRarely takes what is there, and then nothing for a long time.
func readRarely(conn net.PacketConn) {
	data := make([]byte, 2048)
	for {
		time.Sleep(overflowPause)
		for range 16 {
			if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				return
			}
			if _, _, err := conn.ReadFrom(data); err != nil {
				break
			}
		}
	}
}
