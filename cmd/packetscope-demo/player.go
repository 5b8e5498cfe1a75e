//go:build linux

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A client plays the tasks of the plan against one server.
type client struct {
	// server has one address for each IP version that both ends have.
	server []netip.Addr
	logger *slog.Logger
	health *health
	// filter holds the client's own firewall rules; they add up.
	filter filter

	session session
}

// A round is one run of a task.
type round struct {
	*client
	ctx context.Context
	// n counts the runs of this task, from 0.
	n int
	// peer is the address of the server, which alternates between the versions of
	// IP from run to run.
	peer netip.Addr
}

// patience is for what a healthy server does at once.
const patience = 3 * time.Second

// newClient returns when the server has an address, or with the end of ctx.
func newClient(ctx context.Context, names []string, logger *slog.Logger) (*client, error) {
	c := &client{logger: logger}
	for said := false; ; said = true {
		var err error
		for _, name := range names {
			var found []netip.Addr
			if found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", name); err != nil {
				break
			}
			c.add(found)
		}
		if err == nil || ctx.Err() != nil {
			return c, nil
		}
		if !said {
			logger.Warn("waiting for the server", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// add takes the first address of each IP version.
func (c *client) add(found []netip.Addr) {
	for _, addr := range found {
		addr = addr.Unmap()
		known := false
		for _, a := range c.server {
			known = known || a.Is4() == addr.Is4()
		}
		if !known {
			c.server = append(c.server, addr)
		}
	}
}

// of returns the server's address of one IP version, false if it has none.
func (c *client) of(v4 bool) (netip.Addr, bool) {
	for _, addr := range c.server {
		if addr.Is4() == v4 {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// play runs all tasks side by side until the end of ctx.
func (c *client) play(ctx context.Context, tasks []task) {
	defer c.session.close()
	start := time.Now()
	var running sync.WaitGroup
	for _, t := range tasks {
		running.Go(func() { c.repeat(ctx, t, start) })
	}
	running.Wait()
}

// repeat runs one task whenever it is due.
func (c *client) repeat(ctx context.Context, t task, start time.Time) {
	diary := diary{task: t, logger: c.logger}
	for last := -1; ; {
		n, due, ok := t.next(last, time.Since(start))
		if !ok {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(start.Add(due))):
		}
		err := t.run(&round{client: c, ctx: ctx, n: n, peer: c.server[n%len(c.server)]})
		if ctx.Err() != nil {
			return
		}
		if err == nil && !t.fault {
			c.health.beat()
		}
		diary.note(time.Now(), err)
		last = n
	}
}

// quietFor is how long a task is not mentioned again in the log.
const quietFor = time.Minute

// A diary says in the log what a task has done: at the first time, and then once
// a minute.
type diary struct {
	task        task
	logger      *slog.Logger
	runs, fails int
	lastRun     time.Time
	lastFail    time.Time
}

func (d *diary) note(now time.Time, err error) {
	if err != nil {
		d.fails++
		if now.Sub(d.lastFail) >= quietFor {
			d.lastFail = now
			d.logger.Warn("task failed", "task", d.task.name, "times", d.fails, "err", err)
		}
		return
	}
	d.runs++
	if d.task.fault && now.Sub(d.lastRun) >= quietFor {
		d.lastRun = now
		d.logger.Info("fault provoked", "fault", d.task.name, "times", d.runs, "what", d.task.says)
	}
}

// at returns the server's address with a port.
func (r *round) at(port uint16) string { return netip.AddrPortFrom(r.peer, port).String() }

// dialer gives up with the round.
var dialer = net.Dialer{Timeout: patience}

// tcp connects to a port of the server. Reads and writes end after patience.
func (r *round) tcp(port uint16) (*net.TCPConn, error) {
	conn, err := dialer.DialContext(r.ctx, "tcp", r.at(port))
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), conn.SetDeadline(time.Now().Add(patience))
}

// udp opens a socket that sends to a port of the server.
func (r *round) udp(port uint16) (net.Conn, error) {
	conn, err := dialer.DialContext(r.ctx, "udp", r.at(port))
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// wait returns after d, or with the end of the demo.
func (r *round) wait(d time.Duration) error {
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// unexpected makes an error of what should have failed.
func unexpected(what string, r *round) error { return fmt.Errorf("%s: %s did not fail", what, r.peer) }
