package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
)

// TestServeTellsWhereAttacksBelong scrapes an exporter beside an agent that tells its
// hits, with files that tell of addresses, without any, and with one that is missing.
func TestServeTellsWhereAttacksBelong(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("networks.yaml", "networks:\n- {prefix: 192.0.2.0/24, country: NZ, asn: 64496, as_name: Example}\n")
	socket := filepath.Join(dir, "status.sock")
	g := guard(t, "--status-socket="+socket, "--status-hits", "a.yaml")
	defer func() { g.stop(); <-g.done }()
	for name, c := range map[string]struct {
		config string
		want   []string
	}{
		"an override": {"geo: {overrides: [networks.yaml]}\n", []string{
			`packetscope_guarder_country_packets_total{country="NZ",verdict="drop"} 7`,
			`packetscope_guarder_country_packets_total{country="NZ",verdict="would_drop"} 0`,
		}},
		"a missing database": {"geo: {databases: [none.mmdb]}\n", []string{
			`packetscope_guarder_country_packets_total{country="reserved",verdict="drop"} 7`,
			`packetscope_guarder_country_packets_total{country="reserved",verdict="would_drop"} 0`,
		}},
		"no file": {"flows: {top: 20}\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld("--guarder.socket="+socket, "--config.file="+write("packetscope.yaml", c.config))
			s := w.startReady(t)
			defer s.stop(t)
			var got []string
			for _, packets := range []uint64{100, 107} {
				g.hits = []guarder.Hit{{Source: netip.MustParseAddr("192.0.2.7"), Effect: "drop", Packets: packets, First: 1}}
				got = s.series(t, "/metrics", "packetscope_guarder_country_packets_total{")
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
