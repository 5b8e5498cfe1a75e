package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/geo"
)

func addGeodbLookup(geodb *kingpin.CmdClause) verb {
	command := geodb.Command("lookup", "Tell what databases know of addresses; without any, what kind of address each is.")
	databases := command.Flag("database", "A database (.mmdb); may be repeated, and the first that knows something counts.").PlaceHolder("FILE").Strings()
	overrides := command.Flag("override", "A YAML or CSV file of own networks, which count before the databases; may be repeated.").PlaceHolder("FILE").Strings()
	asJSON := command.Flag("json", "Print JSON, one object a line.").Bool()
	addresses := command.Arg("address", "Addresses of IPv4 or IPv6.").Required().Strings()
	return func(_ context.Context, e env, _ *slog.Logger) error {
		parsed, err := geoAddresses(*addresses)
		if err != nil {
			return failWith(e.stderr, err)
		}
		atlas, err := loadAtlas(e, *databases, *overrides)
		if err != nil {
			return err
		}
		if err := printLookups(e, atlas, parsed, *asJSON); err != nil {
			return err
		}
		return failWith(e.stderr, damages(atlas.Status()))
	}
}

// geoAddresses returns all addresses, or all that are none.
func geoAddresses(texts []string) ([]netip.Addr, error) {
	var all []netip.Addr
	var faults []error
	for _, text := range texts {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("bad address %q (write one such as 192.0.2.7 or 2001:db8::7; names are not looked up)", text))
			continue
		}
		all = append(all, addr)
	}
	return all, errors.Join(faults...)
}

func printLookups(e env, atlas *geo.Atlas, addresses []netip.Addr, asJSON bool) error {
	files := map[string]geo.Status{}
	for _, s := range atlas.Status() {
		files[s.Name] = s
	}
	encoder := json.NewEncoder(e.stdout)
	encoder.SetEscapeHTML(false)
	for _, addr := range addresses {
		l := newGeoLookup(addr, atlas.Lookup(addr), files)
		err := error(nil)
		if asJSON {
			err = encoder.Encode(l)
		} else {
			_, err = io.WriteString(e.stdout, l.text(e.now()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
