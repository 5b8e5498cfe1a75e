package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/adopt"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/stack"
)

// mostTwoWay is the greatest part of the packets that a rule matches which may come from
// peers that this host talks to, if it is to drop them.
const mostTwoWay = 0.01

// An adoptReach is what live traffic says of a rule.
type adoptReach struct {
	adopt.Reach
	// unknown is why no traffic was looked at, or nil.
	unknown error
}

// allows returns an error if rules may only be audited.
func (r adoptReach) allows(rules *policy.Policy, force bool) error {
	drops := slices.ContainsFunc(rules.Rules, func(r policy.Rule) bool { return r.Action == policy.Drop && r.Mode == policy.Enforce })
	switch {
	case !drops || force:
		return nil
	case r.unknown != nil:
		return errors.New("not adopted: a rule that drops must be compared with live traffic; --audit adopts it to count only, --force as it is")
	case r.TwoWayShare() > mostTwoWay:
		return fmt.Errorf("not adopted: %.1f %% of the packets that it matches come from peers that this host talks to, more than %.0f %%; --audit adopts it to count only, --force as it is",
			100*r.TwoWayShare(), 100*mostTwoWay)
	}
	return nil
}

// compare looks at live traffic for a while and says what of it the rules match.
func (a *adoption) compare(ctx context.Context, rules *policy.Policy, facts *host.Facts) (r adoptReach) {
	var traffic adopt.Traffic
	if *a.observe == 0 {
		r.unknown = errors.New("--observe is 0")
	} else if traffic, r.unknown = a.traffic(ctx, facts); r.unknown == nil {
		r.Reach = adopt.ReachOf(rules, traffic)
	}
	r.print(a.stdout, *a.observe)
	return r
}

// traffic attaches the probes that count flows, for as long as it looks.
func (a *adoption) traffic(ctx context.Context, before *host.Facts) (t adopt.Traffic, err error) {
	attached, err := a.open(stack.Config{
		Disable: slices.DeleteFunc(stack.ProbeGroups(), func(group string) bool { return group == stack.GroupFlows }),
		// Single addresses: a rule may be for one.
		Flows:            stack.FlowConfig{IPv4Prefix: 32, IPv6Prefix: 128, Forwarded: true},
		OwnNamespaceOnly: true,
		RunStats:         stack.RunStatsOff,
		SampleEvery:      1,
	}, a.logger)
	if err != nil {
		return t, explain(fmt.Errorf("attach probes: %w", err), a.env.host)
	}
	defer func() { err = errors.Join(err, attached.Close()) }()
	select {
	case <-ctx.Done():
		return t, ctx.Err()
	case <-time.After(*a.observe):
	}
	table, err := attached.Flows()
	if err != nil {
		return t, fmt.Errorf("read flows: %w", err)
	}
	if table.Evicted > 0 {
		fmt.Fprintf(a.stdout, "%d flows found no room and are left out\n", table.Evicted)
	}
	after, err := a.guardHost()
	if err != nil {
		return t, err
	}
	return trafficOf(table.Flows, before, after), nil
}

// trafficOf returns what came from elsewhere. Before and after are the host around the time
// that the flows were counted in.
func trafficOf(flows []stack.Flow, before, after *host.Facts) adopt.Traffic {
	var t adopt.Traffic
	connected := make(map[netip.Addr]bool)
	for _, s := range slices.Concat(before.Sockets, after.Sockets) {
		if s.Protocol == packet.TCP && (s.State == host.Established || s.State == host.Closing) {
			connected[s.Remote.Addr().Unmap()] = true
		}
	}
	for _, s := range after.Sockets {
		from := s.Remote.Addr().Unmap()
		if s.Protocol != packet.TCP || s.State != host.Established || from.IsLoopback() || after.Owns(from) {
			continue
		}
		t.Connections = append(t.Connections, adopt.Peer{
			Addr: from, Protocol: packet.TCP, Remote: adopt.Port(s.Remote.Port()), Local: adopt.Port(s.Local.Port()),
		})
	}
	for _, f := range flows {
		from := f.Address.Unmap()
		if f.ReceivedPackets == 0 || from.IsLoopback() || after.Owns(from) {
			continue
		}
		t.Flows = append(t.Flows, adopt.Flow{Peer: peerOf(f, from), Packets: f.ReceivedPackets, TwoWay: twoWay(f, connected[from])})
	}
	return t
}

// twoWay tells whether a flow is of a peer that this host talks to. Who floods with SYNs
// gets answers too, so TCP needs a connection: one with a socket, or with a round-trip
// time that was measured. Of what is only forwarded no more than the ways are known.
func twoWay(f stack.Flow, connected bool) bool {
	both := f.SentPackets > 0 && f.ReceivedPackets > 0
	if f.Protocol != packet.TCP || f.Role == stack.Forwarder {
		return both
	}
	return both && (connected || f.RTT > 0)
}

// peerOf returns who sends the packets of a flow, of which one port is known at most.
func peerOf(f stack.Flow, from netip.Addr) adopt.Peer {
	p := adopt.Peer{Addr: from, Protocol: f.Protocol, Remote: adopt.NoPort, Local: adopt.NoPort}
	if f.ServicePort == 0 {
		return p
	}
	p.Remote, p.Local = adopt.AnyPort, adopt.AnyPort
	switch f.Role {
	case stack.Client:
		p.Remote = adopt.Port(f.ServicePort)
	case stack.Server:
		p.Local = adopt.Port(f.ServicePort)
	}
	return p
}
