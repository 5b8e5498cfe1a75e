//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The ports of the server.
const (
	webPort      = 8080
	databasePort = 5432
	streamPort   = 8443
	slowPort     = 6379
	resetPort    = 7001
	stuckPort    = 7002
	fullPort     = 7003
	swallowPort  = 7004 // dropped by a firewall rule
	closedPort   = 7005 // nobody listens
	floodPort    = 7006

	lookupPort       = 5353
	overflowPort     = 5514
	closedUDPPort    = 4000 // nobody listens
	forbiddenUDPPort = 9999 // dropped by a firewall rule
)

// How the server serves. The rates of the plan rest on these.
const (
	answerSize   = 8 << 10
	streamPiece  = 1200
	streamPieces = 200
	streamPause  = 2 * time.Millisecond
	// The pauses of those that are too slow.
	slowReaderPause = 200 * time.Millisecond
	stuckPause      = 2 * time.Second
	acceptPause     = 4 * time.Second
	overflowPause   = 4 * time.Second
	// smallBuffer is a receive buffer that soon overflows.
	smallBuffer       = 4 << 10
	connectionsAtMost = 64
)

// A service is a TCP port and how its connections are served.
type service struct {
	name string
	port uint16
	// serve reads, writes and returns; the connection is closed then.
	serve func(*net.TCPConn) error
	// backlog is the most connections that may wait, 0 for the usual number.
	backlog int
	// buffer is the size of the receive buffer, 0 for the usual size.
	buffer int
	// pause is between two connections that are accepted.
	pause time.Duration
}

var services = []service{
	{name: "web", port: webPort, serve: func(c *net.TCPConn) error { return answerLine(c, answerSize) }},
	{name: "database", port: databasePort, serve: serveQueries},
	{name: "stream", port: streamPort, serve: serveStream},
	{name: "slow reader", port: slowPort, serve: serveSlowly},
	{name: "resetting", port: resetPort, serve: serveReset},
	{name: "stuck", port: stuckPort, serve: serveStuck, buffer: smallBuffer},
	{name: "full", port: fullPort, serve: func(*net.TCPConn) error { return nil }, backlog: 1, pause: acceptPause},
	{name: "flooded", port: floodPort, serve: func(*net.TCPConn) error { return nil }, backlog: 1},
}

// listen opens a port of both IP versions.
func (s service) listen(ctx context.Context) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if s.buffer == 0 {
			return nil
		}
		return setInt(raw, unix.SO_RCVBUF, s.buffer) // connections inherit it
	}}
	listener, err := config.Listen(ctx, "tcp", fmt.Sprintf(":%d", s.port))
	if err != nil || s.backlog == 0 {
		return listener, err
	}
	// The library asks for the longest queue; asking again changes it.
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		return nil, err
	}
	if control := raw.Control(func(fd uintptr) { err = unix.Listen(int(fd), s.backlog) }); control != nil {
		return nil, control
	}
	return listener, err
}

// accept serves connections until the listener is closed, a bounded number at the
// same time.
func (s service) accept(listener net.Listener, logger *slog.Logger) {
	seats := make(chan struct{}, connectionsAtMost)
	for {
		seats <- struct{}{}
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			logger.Warn("accept", "service", s.name, "err", err)
			time.Sleep(time.Second) // out of files, say; not in a hurry then
			<-seats
			continue
		}
		go func() {
			defer func() { <-seats }()
			defer conn.Close()
			// A client may leave whenever it likes.
			if err := s.serve(conn.(*net.TCPConn)); err != nil {
				logger.Debug("connection ended", "service", s.name, "err", err)
			}
		}()
		time.Sleep(s.pause)
	}
}

// answerLine reads a line and answers with some bytes.
func answerLine(conn *net.TCPConn, size int) error {
	if _, err := bufio.NewReader(conn).ReadSlice('\n'); err != nil {
		return err
	}
	_, err := conn.Write(make([]byte, size))
	return err
}

// serveQueries answers each line with as many bytes as its length says, in
// hundreds.
func serveQueries(conn *net.TCPConn) error {
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return ignoreEnd(err)
		}
		if _, err := conn.Write(make([]byte, 100*len(line))); err != nil {
			return err
		}
	}
}

// serveStream sends small pieces, each a packet of its own.
func serveStream(conn *net.TCPConn) error {
	piece := make([]byte, streamPiece)
	for range streamPieces {
		if _, err := conn.Write(piece); err != nil {
			return err
		}
		time.Sleep(streamPause)
	}
	return nil
}

// serveSlowly echoes, but lets what arrives wait.
func serveSlowly(conn *net.TCPConn) error {
	data := make([]byte, 1024)
	for {
		time.Sleep(slowReaderPause)
		n, err := conn.Read(data)
		if err != nil {
			return ignoreEnd(err)
		}
		if _, err := conn.Write(data[:n]); err != nil {
			return err
		}
	}
}

// serveReset reads a little and closes without waiting for what is left, which
// makes the kernel send a reset.
func serveReset(conn *net.TCPConn) error {
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return err
	}
	return conn.SetLinger(0)
}

// serveStuck reads everything, too late.
func serveStuck(conn *net.TCPConn) error {
	time.Sleep(stuckPause)
	_, err := io.Copy(io.Discard, conn)
	return err
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// setInt sets a number of SOL_SOCKET.
func setInt(raw syscall.RawConn, option, value int) error {
	var err error
	if control := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, value) }); control != nil {
		return control
	}
	return err
}
