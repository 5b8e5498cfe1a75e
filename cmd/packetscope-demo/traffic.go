//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// web asks once on a connection of its own.
func web(r *round) error {
	conn, err := r.tcp(webPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(question(200)); err != nil {
		return err
	}
	return drain(conn, answerSize)
}

// question is a line of some length.
func question(size int) []byte {
	return append(bytes.Repeat([]byte("q"), size-1), '\n')
}

// drain reads to the end, which must come after size bytes.
func drain(conn net.Conn, size int64) error {
	// Not the connection itself, which would be spliced: spliced data never passes
	// the socket layer as reads do.
	n, err := io.Copy(io.Discard, struct{ io.Reader }{conn})
	if err == nil && n != size {
		err = fmt.Errorf("got %d bytes, want %d", n, size)
	}
	return err
}

// A session is a connection to the database that stays open.
type session struct {
	mu   sync.Mutex
	conn *net.TCPConn
}

// ask sends a question of some size and reads the answer.
func (s *session) ask(r *round, size int) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		if s.conn, err = r.tcp(databasePort); err != nil {
			s.conn = nil
			return err
		}
	}
	defer func() {
		if err != nil {
			s.conn.Close()
			s.conn = nil
		}
	}()
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := s.conn.Write(question(size)); err != nil {
		return err
	}
	_, err = io.CopyN(io.Discard, struct{ io.Reader }{s.conn}, int64(100*size))
	return err
}

// ends returns the two ends of the open connection, false if there is none.
func (s *session) ends() (local, remote *net.TCPAddr, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		return nil, nil, false
	}
	return s.conn.LocalAddr().(*net.TCPAddr), s.conn.RemoteAddr().(*net.TCPAddr), true
}

func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
}

// database asks for a small, a middling and a large answer.
func database(r *round) error {
	for _, size := range []int{2, 20, 160} {
		if err := r.session.ask(r, size); err != nil {
			return err
		}
	}
	return nil
}

// stream takes a transfer. Where packets are lost it takes longer.
func stream(r *round) error {
	conn, err := r.tcp(streamPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(4 * patience)); err != nil {
		return err
	}
	return drain(conn, streamPieces*streamPiece)
}

// lookup asks five times.
func lookup(r *round) error {
	conn, err := r.udp(lookupPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	answer := make([]byte, 512)
	for range 5 {
		if _, err := conn.Write(question(40)); err != nil {
			return err
		}
		if _, err := conn.Read(answer); err != nil {
			return err
		}
	}
	return nil
}

// ping asks for one echo of each IP version.
func ping(r *round) error { return r.echoes(56) }

// bigPing does so with more than fits in one packet.
func bigPing(r *round) error { return r.echoes(4000) }

func (r *round) echoes(size int) error {
	for _, peer := range r.server {
		if err := echo(peer, r.n, size); err != nil {
			return err
		}
	}
	return nil
}
