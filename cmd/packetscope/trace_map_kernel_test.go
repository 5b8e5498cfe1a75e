//go:build linux && kernel

package main

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/lines"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// TestTraceMapOfRealDatagrams maps datagrams between two namespaces.
func TestTraceMapOfRealDatagrams(t *testing.T) {
	n := testnet.New(t)
	e := newEnv([]string{"trace", "map", "--duration=2s", "--format=json", "udp", "and", "host", n.Left.V4.String()})
	out := lines.New()
	e.stdout, e.stderr = out, lines.New()
	done := make(chan error, 1)
	go func() { done <- run(context.Background(), e) }()
	var err error
	for running := true; running; { // to attach takes as long as the machine lets it
		if err := testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 5, 64); err != nil {
			t.Fatal(err)
		}
		select {
		case err = <-done:
			running = false
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := pathmap.ReadDocument(bytes.NewReader([]byte(out.String())))
	if err != nil {
		t.Fatal(err)
	}
	if d.Packets[pathmap.ProtocolUDP] == 0 || len(d.Packets) != 1 {
		t.Errorf("packets %v", d.Packets)
	}
	for _, want := range []string{"udp_sendmsg", "__dev_queue_xmit", "process_backlog"} {
		if !slices.ContainsFunc(d.Nodes, func(n pathmap.NodeDocument) bool { return n.Function == want }) {
			t.Errorf("no function %s in %+v", want, d.Nodes)
		}
	}
}
