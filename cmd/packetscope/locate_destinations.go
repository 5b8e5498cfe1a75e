package main

import (
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/locator"
	targets "github.com/packetscope/packetscope/internal/locator/target"
	"github.com/packetscope/packetscope/internal/wire"
)

// parseDestinations returns what the arguments name. The name of a destination is its
// host or, if there are several to one host, its URL.
func (f locateFlags) parseDestinations() ([]locator.Destination, error) {
	if n := len(*f.destinations); n > locator.MaxDestinations {
		return nil, fmt.Errorf("%d destinations (at most %d can be measured at once)", n, locator.MaxDestinations)
	}
	var all []locator.Destination
	hosts, urls := map[string]int{}, map[string]bool{}
	for _, text := range *f.destinations {
		t, err := f.parseTarget(text)
		if err != nil {
			return nil, err
		}
		if urls[t.String()] {
			return nil, fmt.Errorf("%s is there twice", t)
		}
		urls[t.String()] = true
		hosts[t.Host]++
		all = append(all, locator.Destination{Name: t.Host, Host: t.Host, Protocol: t.Protocol, Port: t.Port, Family: f.family()})
	}
	for i, d := range all {
		if hosts[d.Host] > 1 {
			all[i].Name = d.String()
		}
	}
	return all, nil
}

// parseTarget reads a destination with the protocol and the port of the flags where it
// says none.
func (f locateFlags) parseTarget(text string) (targets.Target, error) {
	whole, protocol := text, f.defaultProtocol()
	if !strings.Contains(text, "://") && protocol != wire.ICMP {
		whole = protocol.String() + "://" + text // else a port would mean TCP
	}
	t, err := targets.Parse(whole, protocol)
	if err != nil || *f.port == 0 || t.Protocol == wire.ICMP {
		return t, err
	}
	_, rest, _ := strings.Cut(whole, "://")
	// ICMP has no ports: what is also one of its targets names none.
	if _, err := targets.Parse("icmp://"+rest, wire.ICMP); err == nil {
		t.Port = uint16(*f.port)
	}
	return t, nil
}
