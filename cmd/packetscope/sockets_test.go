package main

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
)

// someSockets are in no order.
func someSockets() sockets.Listing {
	const v4, v6 = sockets.IPv4, sockets.IPv6
	end := netip.MustParseAddrPort
	return sockets.Listing{NamespacesCovered: 2, NamespacesUncovered: 1, Sockets: []sockets.Socket{
		{Namespace: 7, Family: v4, Protocol: sockets.UDP, State: sockets.Closed, Local: end("127.0.0.1:53"), Peer: end("0.0.0.0:0"), Inode: 14, ReceiveQueue: 768, ReceiveBytes: 768},
		{Namespace: 7, Family: v4, Protocol: sockets.TCP, State: sockets.Established, Local: end("192.0.2.1:443"), Peer: end("198.51.100.3:40001"), Inode: 13, TransmitQueue: 2896, TransmitBytes: 4352, UID: 33, Cgroup: 77},
		{Namespace: 7, Family: v4, Protocol: sockets.TCP, State: sockets.TimeWait, Local: end("192.0.2.1:443"), Peer: end("198.51.100.3:40000")},
		{Namespace: 7, Family: v6, Protocol: sockets.TCP, State: sockets.Listen, Local: end("[::]:443"), Peer: end("[::]:0"), Inode: 12, ReceiveQueue: 1, TransmitQueue: 128, Cgroup: 77},
		{Namespace: 7, Family: v6, Protocol: sockets.TCP, State: sockets.CloseWait, Local: end("[2001:db8::1]:443"), Peer: end("[2001:db8::2]:50000"), Inode: 15},
		{Namespace: 8, Family: v6, Protocol: sockets.UDP, State: sockets.Established, Local: end("[::ffff:192.0.2.1]:4000"), Peer: end("[::ffff:192.0.2.9]:53"), Inode: 16, Device: 2},
		{Namespace: 7, Family: v4, Protocol: sockets.Raw, State: sockets.Closed, Local: end("0.0.0.0:1"), Peer: end("0.0.0.0:0"), Inode: 17},
	}}
}

func newSocketsWorld(args ...string) *world {
	w := newWorld(append([]string{"sockets"}, args...)...)
	w.sockets.listing = someSockets()
	w.env.owners = func(wanted []owner.Socket) []owner.Owner {
		owners := make([]owner.Owner, len(wanted))
		for i, s := range wanted {
			if s == (owner.Socket{Inode: 13, Cgroup: 77}) {
				owners[i] = owner.Owner{PID: 4711, Process: "nginx", Cgroup: "/system.slice/nginx.service", Container: "nginx"}
			}
		}
		return owners
	}
	return w
}

func TestSocketsAreListed(t *testing.T) {
	for file, args := range map[string][]string{
		"sockets.txt":        nil,
		"sockets_owners.txt": {"--all-namespaces", "--processes"},
		"sockets.json":       {"--json", "--processes", "--way=sock_diag"},
	} {
		w := newSocketsWorld(args...)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		compareGolden(t, file, w.stdout.String())
		if w.sockets.closed != 1 {
			t.Errorf("%s: closed %d times, want once", file, w.sockets.closed)
		}
		want := sockets.Config{OwnNamespaceOnly: file != "sockets_owners.txt"}
		if file == "sockets.json" {
			want.Way = sockets.Diag
		}
		if diff := cmp.Diff(&want, w.openedSockets); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", file, diff)
		}
	}
}

func TestSocketsAreChosen(t *testing.T) {
	for args, want := range map[string]string{
		"--listen":                               "[::]:443 127.0.0.1:53 0.0.0.0:1",
		"--listen --protocol=tcp":                "[::]:443",
		"--protocol=udp --protocol=raw":          "127.0.0.1:53 0.0.0.0:1 [::ffff:192.0.2.1]:4000",
		"--state=established --state=close_wait": "192.0.2.1:443 [2001:db8::1]:443",
		"--state=connected":                      "[::ffff:192.0.2.1]:4000",
		"--state=time_wait --family=ipv6":        "",
		"--family=ipv4 --protocol=tcp":           "192.0.2.1:443 192.0.2.1:443",
	} {
		w := newSocketsWorld(append(strings.Fields(args), "--json")...)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		var list socketList
		if err := json.Unmarshal([]byte(w.stdout.String()), &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range list.Sockets {
			got = append(got, s.Local)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

func TestSocketsSayWhyTheyCannotBeRead(t *testing.T) {
	w := newSocketsWorld()
	w.sockets.listErr = sockets.ErrNoWay
	w.sockets.report = sockets.Report{Reason: "iterator: EPERM; sock_diag: no such file"}
	err := run(context.Background(), w.env)
	if want := "sockets cannot be read: iterator: EPERM; sock_diag: no such file"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
