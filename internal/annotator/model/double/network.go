package double

import (
	"bytes"
	"context"
	"net"
	"sync"
)

// A network is a listener in memory that keeps what clients write.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	sent bytes.Buffer
}

func newNetwork() *network {
	return &network{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the server, whatever the address.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case s.network.conns <- server:
		return &recorded{client, s.network}, nil
	case <-s.network.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.conns:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func (n *network) bytes() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bytes.Clone(n.sent.Bytes())
}

// recorded is a client's end. It records before it writes: what is answered was recorded.
type recorded struct {
	net.Conn
	network *network
}

func (r *recorded) Write(data []byte) (int, error) {
	r.network.mu.Lock()
	r.network.sent.Write(data)
	r.network.mu.Unlock()
	return r.Conn.Write(data)
}
