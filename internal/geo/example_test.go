package geo_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
)

func Example() {
	dir, err := os.MkdirTemp("", "geo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	// A database of what the registries and somebody's routing table say.
	var b geo.Builder
	delegated := "2|ripencc|20260301|1|19830705|20260228|+0100\n" +
		"ripencc|NL|ipv4|193.0.0.0|2048|19930901|assigned|holder-1\n"
	if err := b.AddDelegated("delegated-ripencc-extended-latest", strings.NewReader(delegated)); err != nil {
		fmt.Println(err)
		return
	}
	if err := b.AddCSV("routes.csv", strings.NewReader("prefix,asn,as_name\n193.0.0.0/21,3333,RIPE NCC\n")); err != nil {
		fmt.Println(err)
		return
	}
	var database bytes.Buffer
	if err := b.Write(&database, time.Now()); err != nil {
		fmt.Println(err)
		return
	}
	path, own := filepath.Join(dir, "built.mmdb"), filepath.Join(dir, "own.csv")
	if err := os.WriteFile(path, database.Bytes(), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.WriteFile(own, []byte("10.1.0.0/16,Zurich lab,47.37,8.54,CH\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	atlas := geo.Open(geo.Config{Databases: []string{path}, Overrides: []string{own}})
	if err := atlas.Err(); err != nil {
		fmt.Println(err)
		return
	}
	public := atlas.Lookup(netip.MustParseAddr("193.0.6.139"))
	fmt.Println(public.Kind, public.Country, "registered:", public.Registered, public.ASN, public.Name)
	private := atlas.Lookup(netip.MustParseAddr("10.1.2.3"))
	at, _ := private.Point()
	fmt.Println(private.Kind, private.Label, private.Country, geo.Geohash(at, 5))
	// Output:
	// public NL registered: true 3333 RIPE NCC
	// private Zurich lab CH u0qj6
}
