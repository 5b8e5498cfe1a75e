package geo

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// made is when the databases of the tests were made.
var made = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// record types are long; so are their names.
type (
	m   = mmdbtype.Map
	s   = mmdbtype.String
	f64 = mmdbtype.Float64
	f32 = mmdbtype.Float32
	u16 = mmdbtype.Uint16
	u32 = mmdbtype.Uint32
	yes = mmdbtype.Bool
)

// mmdb returns a database with these records.
func mmdb(t testing.TB, kind string, records map[string]mmdbtype.DataType) []byte {
	t.Helper()
	return mmdbOf(t, mmdbwriter.Options{DatabaseType: kind}, records)
}

// mmdb4 returns one that knows IPv4 only.
func mmdb4(t testing.TB) []byte {
	t.Helper()
	return mmdbOf(t, mmdbwriter.Options{DatabaseType: "GeoLite2-City", IPVersion: 4},
		map[string]mmdbtype.DataType{"81.2.69.0/24": cityRecord})
}

func mmdbOf(t testing.TB, o mmdbwriter.Options, records map[string]mmdbtype.DataType) []byte {
	t.Helper()
	o.RecordSize, o.BuildEpoch, o.IncludeReservedNetworks = 24, made.Unix(), true
	tree, err := mmdbwriter.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for prefix, record := range records {
		_, network, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// put writes a file into a folder and returns its path.
func put(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// names is GeoLite2's map of names in several languages.
func names(english string) m {
	return m{"de": s("auf Deutsch"), "en": s(english), "ja": s("日本語")}
}

// The records of each layout, all of the same network.
var (
	cityRecord = m{
		"city":               m{"geoname_id": u32(2643743), "names": names("London")},
		"continent":          m{"code": s("EU"), "names": names("Europe")},
		"country":            m{"geoname_id": u32(2635167), "iso_code": s("GB"), "names": names("United Kingdom")},
		"location":           m{"accuracy_radius": u16(10), "latitude": f64(51.5142), "longitude": f64(-0.0931), "time_zone": s("Europe/London")},
		"postal":             m{"code": s("EC1")},
		"registered_country": m{"iso_code": s("US"), "names": names("United States")},
		"subdivisions":       mmdbtype.Slice{m{"iso_code": s("ENG"), "names": names("England")}},
	}
	countryRecord = m{
		"continent":          m{"code": s("EU")},
		"country":            m{"iso_code": s("GB"), "names": names("United Kingdom")},
		"registered_country": m{"iso_code": s("US"), "names": names("United States")},
	}
	asnRecord = m{
		"autonomous_system_number":       u32(13335),
		"autonomous_system_organization": s("CLOUDFLARENET"),
	}
)
