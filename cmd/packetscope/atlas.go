package main

import (
	"net/netip"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/geo"
)

// locateBy returns how to look up where addresses belong, or nil without an atlas.
func locateBy(atlas *geo.Atlas) collector.Locate {
	if atlas == nil {
		return nil
	}
	return func(addr netip.Addr) (country string, asn uint32, name string) {
		e := atlas.Lookup(addr)
		return e.Country, e.ASN, e.Name
	}
}
