package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/sockets"
)

// socketFlags hold the command line of sockets.
type socketFlags struct {
	listen                      *bool
	protocols, states, families *[]string
	everywhere, owners, asJSON  *bool
	way                         *string
}

func addSockets(app *kingpin.Application) verb {
	var protocols, states, families, ways []string
	for _, p := range sockets.Protocols {
		protocols = append(protocols, p.String())
		for _, s := range p.States() {
			if name := p.StateName(s); !slices.Contains(states, name) {
				states = append(states, name)
			}
		}
	}
	for _, f := range sockets.Families {
		families = append(families, f.String())
	}
	for way := sockets.Auto; way <= sockets.Diag; way++ {
		ways = append(ways, way.String())
	}
	command := app.Command("sockets", "List the sockets of this host, as ss does.")
	flags := socketFlags{
		listen:     command.Flag("listen", "Only sockets that wait for a peer: TCP that listens, others that are not connected.").Bool(),
		protocols:  command.Flag("protocol", "Only this protocol; may be repeated.").Enums(protocols...),
		states:     command.Flag("state", "Only sockets in this state, such as established or time_wait; may be repeated.").Enums(states...),
		families:   command.Flag("family", "Only ipv4 or ipv6.").Enums(families...),
		everywhere: command.Flag("all-namespaces", "List the sockets of all network namespaces, not just of this one.").Bool(),
		owners:     command.Flag("processes", "Show the process, control group and container of each socket.").Bool(),
		asJSON:     command.Flag("json", "Print JSON.").Bool(),
		way:        command.Flag("way", "How to read them: auto, iterator (BPF) or sock_diag (netlink).").Default("auto").Enum(ways...),
	}
	return func(_ context.Context, e env, logger *slog.Logger) error {
		cfg := sockets.Config{OwnNamespaceOnly: !*flags.everywhere, Way: sockets.Way(slices.Index(ways, *flags.way))}
		return listSockets(e, cfg, flags, logger)
	}
}

// A socketList is what sockets found, and the JSON it prints. Fields may be added to
// it; none is renamed or removed.
type socketList struct {
	// Way is how they were read: "iterator" or "sock_diag".
	Way string `json:"way"`
	// NamespacesSeen and NamespacesUnseen count the network namespaces by whether
	// their sockets could be read.
	NamespacesSeen   int         `json:"namespaces_seen"`
	NamespacesUnseen int         `json:"namespaces_unseen"`
	Sockets          []socketRow `json:"sockets"`
}

// A socketRow is one socket; see [sockets.Socket].
type socketRow struct {
	Namespace     uint64 `json:"namespace"`
	Family        string `json:"family"`
	Protocol      string `json:"protocol"`
	State         string `json:"state"`
	ReceiveQueue  int    `json:"receive_queue"`
	TransmitQueue int    `json:"transmit_queue"`
	ReceiveBytes  int    `json:"receive_memory_bytes"`
	TransmitBytes int    `json:"transmit_memory_bytes"`
	Local         string `json:"local"`
	// Peer is "" if there is none.
	Peer     string `json:"peer,omitempty"`
	UID      uint32 `json:"uid"`
	Device   int    `json:"device,omitempty"`
	Inode    uint64 `json:"inode,omitempty"`
	CgroupID uint64 `json:"cgroup_id,omitempty"`
	// The rest is there on demand.
	PID       int    `json:"pid,omitempty"`
	Process   string `json:"process,omitempty"`
	Cgroup    string `json:"cgroup,omitempty"`
	Container string `json:"container,omitempty"`
}

func listSockets(e env, cfg sockets.Config, flags socketFlags, logger *slog.Logger) error {
	engine, err := e.openSockets(cfg, logger)
	if err != nil {
		return fmt.Errorf("open sockets: %w", err)
	}
	listing, err := engine.List()
	report, errReport := engine.Report()
	if errors.Is(err, sockets.ErrNoWay) {
		err = fmt.Errorf("%w: %s", err, report.Reason)
	}
	if err := errors.Join(err, errReport, engine.Close()); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(listing.Sockets, func(s sockets.Socket) bool { return !flags.wants(s) })
	slices.SortStableFunc(chosen, compareSockets)
	list := socketList{
		Way: report.Way.String(), NamespacesSeen: listing.NamespacesCovered, NamespacesUnseen: listing.NamespacesUncovered,
		Sockets: socketRows(chosen),
	}
	if *flags.owners {
		list.addOwners(e.owners)
	}
	if *flags.asJSON {
		return writeJSON(e.stdout, list)
	}
	return list.print(e.stdout, *flags.everywhere, *flags.owners)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// wants tells whether the flags ask for a socket. Flags of one name add up, those of
// different names must all fit.
func (f socketFlags) wants(s sockets.Socket) bool {
	fits := func(wanted []string, value string) bool { return len(wanted) == 0 || slices.Contains(wanted, value) }
	waits := s.State == sockets.Listen || s.Protocol != sockets.TCP && s.State == sockets.Closed
	return fits(*f.protocols, s.Protocol.String()) &&
		fits(*f.states, s.Protocol.StateName(s.State)) &&
		fits(*f.families, s.Family.String()) &&
		(waits || !*f.listen)
}

// compareSockets orders by namespace, protocol and family, listeners first, and then
// by address.
func compareSockets(a, b sockets.Socket) int {
	last := func(s sockets.Socket) int {
		if s.State == sockets.Listen {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(slices.Index(sockets.Protocols, a.Protocol), slices.Index(sockets.Protocols, b.Protocol)),
		cmp.Compare(a.Family, b.Family), cmp.Compare(last(a), last(b)),
		a.Local.Compare(b.Local), a.Peer.Compare(b.Peer),
	)
}

func socketRows(chosen []sockets.Socket) []socketRow {
	rows := make([]socketRow, 0, len(chosen))
	for _, s := range chosen {
		r := socketRow{
			Namespace: s.Namespace, Family: s.Family.String(), Protocol: s.Protocol.String(), State: s.Protocol.StateName(s.State),
			ReceiveQueue: s.ReceiveQueue, TransmitQueue: s.TransmitQueue, ReceiveBytes: s.ReceiveBytes, TransmitBytes: s.TransmitBytes,
			Local: s.Local.String(), UID: s.UID, Device: s.Device, Inode: s.Inode, CgroupID: s.Cgroup,
		}
		if s.Peer.Port() != 0 || !s.Peer.Addr().IsUnspecified() {
			r.Peer = s.Peer.String()
		}
		rows = append(rows, r)
	}
	return rows
}

// addOwners asks for all of them at once, which costs no more than for one.
func (l *socketList) addOwners(find func([]owner.Socket) []owner.Owner) {
	wanted := make([]owner.Socket, len(l.Sockets))
	for i, r := range l.Sockets {
		wanted[i] = owner.Socket{Inode: r.Inode, Cgroup: r.CgroupID}
	}
	for i, o := range find(wanted) {
		r := &l.Sockets[i]
		r.PID, r.Process, r.Cgroup, r.Container = o.PID, o.Process, o.Cgroup, o.Container
	}
}
