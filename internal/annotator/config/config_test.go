package config

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/exporter"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/remote"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
	"github.com/packetscope/packetscope/internal/yamlfile"
)

// wantMark begins the comment lines of a bad file that hold its faults.
const wantMark = "# want "

var cmpConfig = cmp.Options{
	cmpopts.IgnoreUnexported(store.Config{}),
	cmpopts.EquateComparable(netip.Prefix{}),
	cmp.Comparer(func(a, b *regexp.Regexp) bool { return a.String() == b.String() }),
	// A pool of certificates has no accessors; those that are there were read.
	cmp.Comparer(func(a, b *tls.Config) bool { return (a == nil) == (b == nil) }),
}

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
			config, err := Parse("x.yaml", data)
			if err == nil {
				t.Fatalf("accepted as %+v", config)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Error("a fault tells a secret")
			}
			if diff := cmp.Diff(Config{}, config, cmpConfig); diff != "" {
				t.Errorf("a bad file leaves something behind (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFullFileBecomesTypedValues(t *testing.T) {
	links := []string{"https://annotator.example.net", "https://grafana.example.net/g"}
	trusted := &tls.Config{}
	want := Config{
		Listen: Listen{Address: "127.0.0.1:9477", WebConfig: "testdata/files/web.yml", Limits: webhook.Limits{Body: 32 << 20, Memory: 32 << 20}},
		Links:  Links{Annotator: links[0], Grafana: links[1]},
		Tokens: access.Tokens{
			{Name: "alertmanager", Hash: hashOf(t, "testdata/files/am.sha256"), Scopes: []access.Scope{access.Ingest}},
			{Name: "oncall", Hash: hashOf(t, "testdata/files/oncall.sha256"), Scopes: []access.Scope{access.Read, access.Approve}},
		},
		Store:      store.Config{Path: "/srv/annotator.db", MaxInbox: 1000, MaxBytes: 1 << 30, Keep: 90 * 24 * time.Hour, Seen: 24 * time.Hour},
		Prometheus: &remote.Options{URL: "https://prometheus.example.net/p", TokenFile: "testdata/secrets/p", Timeout: 500 * time.Millisecond, TLS: trusted},
		Evidence:   evidence.Limits{PerQuery: 500 * time.Millisecond, Total: 2 * time.Second, Queries: 10, Parallel: 2, Facts: 3, Series: 100},
		Alertmanager: &alertmanager.Options{
			Options:  remote.Options{URL: "http://am:9093", TokenFile: "testdata/secrets/am", Timeout: 5 * time.Second, TLS: trusted},
			Receiver: "annotator",
		},
		Reconcile: 2 * time.Minute,
		Exporters: []exporter.Options{
			{
				Instance: "web-1:10142", Top: 5,
				Options: remote.Options{URL: "https://web-1:10142", User: "annotator", PasswordFile: "testdata/secrets/web-1", Timeout: 1500 * time.Millisecond, TLS: trusted},
			},
			{Instance: "web-2:10142", Top: 20, Options: remote.Options{URL: "http://web-2:10142", TokenFile: "testdata/secrets/web-2", Timeout: 2 * time.Second}},
		},
		Geo: GeoFiles{Databases: []string{"/var/lib/GeoIP/GeoLite2-City.mmdb", "testdata/asn.mmdb"}, Overrides: []string{"testdata/networks.yml"}},
		Model: model.Config{
			Providers: []model.Provider{
				{Name: "local", BaseURL: "http://[::1]:11434/v1", Model: "qwen3:14b", Timeout: 2 * time.Minute},
				{Name: "lan", BaseURL: "http://ollama:11434/v1", Model: "qwen3:14b"},
				{
					Name: "azure", BaseURL: "https://x.openai.azure.com/openai/v1/", Model: "gpt", KeyFile: "/etc/az.key", KeyHeader: "api-key",
					Timeout: time.Minute, Temperature: new(0.0), MaxTokens: 500, Price: model.Price{Prompt: 0.4, Completion: 2},
					Proxy: "socks5://proxy.example.net:1080", TLS: trusted,
				},
			},
			Budget:  model.Budget{CallsPerMinute: 60, TokensPerDay: 1_000_000, ReserveCritical: 0.05},
			Breaker: model.Breaker{Failures: 3, Open: time.Minute, AuthOpen: time.Hour},
			Learn:   time.Hour,
		},
		Values:   true,
		CacheTTL: 30 * time.Minute,
		Storm:    Storm{Episodes: 20, Asked: 3},
		Suggest: Suggest{
			Enabled: false, MaxTTL: time.Hour, MaxOpen: 5, IPv4Bits: 28, IPv6Bits: 56,
			Protected: []netip.Prefix{
				netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32"),
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128"),
			},
		},
		Grafana: &sink.GrafanaOptions{
			Options: sink.Options{Name: "grafana", Timeout: 3 * time.Second, TLS: trusted, Links: links},
			URL:     "http://grafana:3000", TokenFile: "testdata/secrets/gf",
			Places: []sink.Place{
				{Match: map[string]*regexp.Regexp{"alertname": regexp.MustCompile("Guarder.*"), "severity": regexp.MustCompile("critical|warning")}, UID: "packetscope-guarder", Panel: 4},
				{UID: "packetscope"},
			},
		},
		Notify: []Notify{
			{
				Options: sink.NotifyOptions{
					Options: sink.Options{Name: "pager", Timeout: 5 * time.Second, TLS: trusted, Links: links},
					Format:  "alertmanager", URLFile: "testdata/secrets/pager", TokenFile: "testdata/secrets/token", SecretFile: "testdata/secrets/hmac",
				},
				Filter: sink.Filter{First: true, Model: true, Resolved: true, MinSeverity: "warning"},
			},
			{Options: sink.NotifyOptions{Options: sink.Options{Name: "chat", Links: links}, Format: "slack", URL: "https://hooks.example.net/x"}},
		},
	}
	got, err := Load("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpConfig); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	build(t, got)
}

// TestTheDocumentedFileIsGood reads the file in the comment of the package, which names
// all keys.
func TestTheDocumentedFileIsGood(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for line := range strings.Lines(string(source)) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			file.WriteString(code)
		}
	}
	got, err := Parse("doc.go", []byte(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	build(t, got)
	if len(got.Model.Providers) != 2 || len(got.Notify) != 1 {
		t.Errorf("read only a part: %+v", got)
	}
}

func hashOf(t *testing.T, path string) [32]byte {
	t.Helper()
	hash, err := access.ReadHash(path)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// build makes all parts of a config that need no network and no disk, and shows it.
func build(t *testing.T, c Config) {
	t.Helper()
	var errs []error
	add := func(_ any, err error) { errs = append(errs, err) }
	add(model.New(c.Model))
	add(json.Marshal(c))
	if c.Prometheus != nil {
		add(remote.New(*c.Prometheus))
	}
	if c.Alertmanager != nil {
		add(alertmanager.New(*c.Alertmanager))
	}
	if c.Grafana != nil {
		add(sink.NewGrafana(*c.Grafana))
	}
	for _, n := range c.Notify {
		add(sink.NewNotify(n.Options))
	}
	if err := errors.Join(errs...); err != nil {
		t.Errorf("a good config of which no part can be made: %v", err)
	}
}

func TestEmptyFilesMeanTheDefault(t *testing.T) {
	commentedOut, err := os.ReadFile("testdata/commented_out.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"no byte": "", "comment": "# nothing yet\n", "null": "null\n", "empty mapping": "{}\n", "commented out": string(commentedOut),
	} {
		got, err := Parse("x.yaml", []byte(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(Default(), got, cmpConfig); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", name, diff)
		}
	}
	got, err := Load("")
	if diff := cmp.Diff(Default(), got, cmpConfig); diff != "" || err != nil {
		t.Errorf("no path: error %v, config (-want +got):\n%s", err, diff)
	}
	build(t, got)
}

func TestMistypedPathIsAnError(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml")
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(Check("testdata/nowhere.yaml"), fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
}

func TestModelsThatAreOffAreJudgedAndNotAsked(t *testing.T) {
	const off = "llm: {enabled: false, providers: [{name: a, base_url: 'http://localhost/v1', model: m}]}"
	got, err := Parse("x.yaml", []byte(off))
	if diff := cmp.Diff(Default(), got, cmpConfig); diff != "" || err != nil {
		t.Errorf("error %v, config (-want +got):\n%s", err, diff)
	}
	if _, err := Parse("x.yaml", []byte(strings.Replace(off, "localhost", "ollama", 1))); err == nil {
		t.Error("a bad provider is not noticed while models are off")
	}
}

func TestGrafanaIsLinkedWhereItIsAskedUnlessItIsSaidOtherwise(t *testing.T) {
	got, err := Parse("x.yaml", []byte("sinks: {grafana: {url: 'http://grafana:3000'}, notify: [{name: a, format: ntfy, url: 'https://ntfy.example.net'}]}"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"http://grafana:3000"}
	if diff := cmp.Diff([][]string{want, want, want}, [][]string{{got.Links.Grafana}, got.Grafana.Links, got.Notify[0].Options.Links}); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestOnlyWhatIsOpenedOnceNeedsARestart(t *testing.T) {
	const before = "listen: {address: 'a:1'}\n"
	for after, want := range map[string][]string{
		before:                    nil,
		"":                        {"listen.address"},
		"listen: {web_config: a}": {"listen.address", "listen.web_config"},
		"listen: {address: 'a:1', max_body: 1MiB}":   {"listen.max_body"},
		before + "store: {path: a.db}":               {"store"},
		before + "store: {max_inbox: 100}":           {"store"},
		before + "store: {max_size: 1GiB}":           {"store"},
		before + "store: {keep: 1d}":                 {"store"},
		before + "store: {seen: 1d}":                 {"store"},
		before + "prometheus: {url: 'http://p'}":     nil,
		before + "sinks: {grafana: {url: http://g}}": nil,
	} {
		a, errA := Parse("x.yaml", []byte(before))
		b, errB := Parse("x.yaml", []byte(after))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if diff := cmp.Diff(want, NeedsRestart(a, b)); diff != "" {
			t.Errorf("keys of %q (-want +got):\n%s", after, diff)
		}
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
	f.Add([]byte("llm: &a {providers: [*a]}"))
	f.Add([]byte(`sinks: {grafana: {url: "http://a", dashboards: [{uid: a, match: {b: '\Qa', c: 'a)|(b'}}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := Parse("x.yaml", data)
		if err == nil {
			build(t, config)
			return
		}
		var faults *yamlfile.Error
		if !errors.As(err, &faults) || len(faults.Faults) == 0 {
			t.Fatalf("error of type %T: %v", err, err)
		}
		for _, fault := range faults.Faults {
			if fault.Line < 1 || fault.Line > len(data)+1 || fault.Column < 1 || strings.Contains(fault.String(), "\n") {
				t.Errorf("fault outside of the file, or of more than one line: %q", fault)
			}
		}
	})
}
