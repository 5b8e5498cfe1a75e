package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/guarder/alert"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/policy"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/wire"
)

var testNames = Names{
	Probes: []string{"link_receive", "network_receive"},
	Groups: []string{"napi", "netfilter", "qdisc", "softirq"},
}

// wantMark begins the comment lines of a bad file that hold its faults.
const wantMark = "# want "

func TestEveryFaultIsReportedWithItsPosition(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".bad.yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(data)) {
				if fault, ok := strings.CutPrefix(line, wantMark); ok {
					want = append(want, strings.TrimSuffix(fault, "\n"))
				}
			}
			config, err := Parse("x.yaml", data, testNames)
			if err == nil {
				t.Fatalf("accepted as %+v", config)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(Config{}, config, cmpConfig); diff != "" {
				t.Errorf("a bad file leaves something behind (-want +got):\n%s", diff)
			}
		})
	}
}

var cmpConfig = cmp.Options{cmpopts.EquateComparable(netip.Prefix{})}

func TestFullFileBecomesTypedValues(t *testing.T) {
	want := Config{
		SeriesLimit: 500,
		Stack: stack.Config{
			OwnNamespaceOnly: true,
			SampleEvery:      32,
			NetfilterTiming:  true,
			RunStats:         stack.RunStatsAlways,
			DropSeverity: map[string]stack.Severity{
				"NETFILTER_DROP": stack.Benign, "reason_200": stack.Policy, "FROM_THE_FUTURE": stack.Loss,
			},
			Disable: []string{"napi", "softirq"},
			Hooks: map[string]stack.HookFamily{
				"": stack.Tracepoint, "link_receive": stack.Auto, "network_receive": stack.Net,
			},
			Watches: []stack.Watch{
				{
					Name:       "web",
					Prefix:     netip.MustParsePrefix("10.0.0.0/8"),
					Ports:      stack.PortRange{First: 443, Last: 443},
					PeerPrefix: netip.MustParsePrefix("192.0.2.7/32"),
					PeerPorts:  stack.PortRange{First: 1024, Last: 65535},
					Protocol:   6,
					Device:     "eth0",
				},
				{Name: "ping6", Prefix: netip.MustParsePrefix("2001:db8::/32"), Protocol: 58},
				{Name: "vrrp", Protocol: 112},
				{Name: "everything"},
			},
			Flows: stack.FlowConfig{IPv4Prefix: 32, IPv6Prefix: 56, Max: 4096, Forwarded: true},
		},
		Flows:   Flows{Top: 5, API: true},
		Guarder: Guarder{API: true},
		Alerting: &alert.Config{
			Identity: alert.Identity{Instance: "web-1:10142", External: map[string]string{"cluster": "c1", "job": "packetscope"}},
			Targets: []alert.Target{
				{
					URL: "https://am.example.net/alertmanager", Timeout: 5 * time.Second, TokenFile: "testdata/am.token",
					CAFile: "testdata/ca.pem", CertFile: "testdata/own.pem", KeyFile: "testdata/own.key", ServerName: "am",
				},
				{URL: "http://127.0.0.1:9093", User: "u", PasswordFile: "/etc/am.password"},
			},
			State: "testdata/alerts.json", Interval: 2 * time.Second, ResendDelay: 90 * time.Second,
		},
		Geo: GeoFiles{
			Databases:       []string{"/var/lib/GeoIP/GeoLite2-City.mmdb", "testdata/asn.mmdb"},
			Overrides:       []string{"testdata/networks.yml"},
			Blocklists:      []string{"/var/lib/packetscope/drop_v4.json"},
			BlocklistMaxAge: 72 * time.Hour,
		},
		Locator: &Locator{
			Config: locator.Config{
				Destinations: []locator.Destination{
					{Name: "example.com", Host: "example.com", Protocol: wire.ICMP},
					{Name: "192.0.2.1", Host: "192.0.2.1", Protocol: wire.TCP, Port: 443},
					{Name: "2001:db8::1", Host: "2001:db8::1", Protocol: wire.UDP, Port: 5000},
					{Name: "shop", Host: "shop.example.com", Protocol: wire.TCP, Port: 443, Family: 6},
					{Name: "v4.example.com", Host: "v4.example.com", Protocol: wire.ICMP, Family: 4},
					{Name: "any.example.com", Host: "any.example.com", Protocol: wire.ICMP},
					{Name: "found.example.com", Host: "found.example.com", Protocol: wire.ICMP},
					{Name: "more.example.com", Host: "more.example.com", Protocol: wire.UDP, Port: 33434},
				},
				Discover: locator.Discover{Top: 5, Protocol: wire.TCP, IPv4Bits: 32, IPv6Bits: 56, Private: true, Every: 2 * time.Minute},
				Interval: 90 * time.Second,
				Timeout:  500 * time.Millisecond,
				Rate:     1000,
				MaxTTL:   20,
				NoNames:  true, NoMTU: true, NoBranches: true,
				Position: &judge.Position{Latitude: 52.52, Longitude: -13},
				Country:  "NO",
				Policy: &policy.Policy{
					Rules: []policy.Rule{{Name: "near", Check: policy.MaxAS, Max: 5, Points: 10}},
					Risk:  policy.Default().Risk,
				},
				History:      "/var/lib/packetscope/locator",
				HistoryBytes: 1 << 30,
				HistoryAge:   30 * 24 * time.Hour,
			},
			Files:      []string{"testdata/targets/*.yml", "testdata/targets/more.txt"},
			PolicyFile: "testdata/paths/policy.yaml",
			Way:        "queue",
		},
	}
	got, err := Load("testdata/full.good.yaml", testNames)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpConfig); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestEmptyFilesMeanTheDefault(t *testing.T) {
	commentedOut, err := os.ReadFile("testdata/commented_out.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"no byte":         "",
		"blank":           "\n\n",
		"comment":         "# nothing yet\n",
		"document marker": "---\n",
		"null":            "null\n",
		"empty mapping":   "{}\n",
		"commented out":   string(commentedOut),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("x.yaml", []byte(data), testNames)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Default(), got, cmpConfig); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoPathMeansTheDefault(t *testing.T) {
	got, err := Load("", testNames)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got, cmpConfig); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestMistypedPathIsAnError(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml", testNames)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("watches: &a [*a]"))
	f.Add([]byte("\r\r0"))
	f.Add([]byte("geo: {databases: [.., /, \"\"], blocklist_max_age: 1y2w}"))
	f.Add([]byte("locator: {discover: {top: 1}, history: {path: x, max_size: 00MiB}, position: {latitude: 0x1p3, longitude: .inf}}"))
	f.Add([]byte("locator: {destinations: [a.b:1, 'tcp://[::1]:2', {address: -x, name: a, family: ipv4}, {}], files: ['[']}"))
	f.Add([]byte("? [a]\n: {<<: *b}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Parse("x.yaml", data, testNames)
		var faults *Error
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("error of type %T: %v", err, err)
		}
		if err == nil {
			return
		}
		if len(faults.Faults) == 0 {
			t.Error("an error without a fault")
		}
		for _, fault := range faults.Faults {
			// YAML ends lines at more characters than Go's tools do, \r among them.
			if fault.Line < 1 || fault.Line > len(data)+1 || fault.Column < 1 {
				t.Errorf("fault outside of the file: %+v", fault)
			}
			if strings.Contains(fault.String(), "\n") {
				t.Errorf("fault of more than one line: %q", fault)
			}
		}
	})
}

// TestUnreadableFileNamesTheUser cannot take a real file: tests may run as root.
func TestUnreadableFileNamesTheUser(t *testing.T) {
	err := explainRead(&fs.PathError{Op: "open", Path: "/etc/packetscope.yaml", Err: fs.ErrPermission})
	if want := fmt.Sprintf("for user %d)", os.Geteuid()); !strings.Contains(err.Error(), "/etc/packetscope.yaml") || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %q, want the file and %q", err, want)
	}
}
