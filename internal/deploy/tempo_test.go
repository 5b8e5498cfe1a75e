package deploy

import (
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// TestTempoIsOfThisHost reads Tempo's file: where it listens, where its data is, and that it
// says nothing to the Internet.
func TestTempoIsOfThisHost(t *testing.T) {
	type address struct{ Endpoint string }
	var file struct {
		Server struct {
			HTTP string `yaml:"http_listen_address"`
			Port int    `yaml:"http_listen_port"`
			GRPC string `yaml:"grpc_listen_address"`
		}
		Distributor struct {
			Receivers map[string]struct{ Protocols map[string]address }
		}
		Memberlist struct {
			Bind []string `yaml:"bind_addr"`
		}
		Storage struct {
			Trace struct {
				Backend    string
				WAL, Local struct{ Path string }
			}
		}
		UsageReport struct {
			Enabled *bool `yaml:"reporting_enabled"`
		} `yaml:"usage_report"`
	}
	if err := yaml.Unmarshal([]byte(read(t, folder+"tempo.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	const local = "127.0.0.1"
	otlp := file.Distributor.Receivers["otlp"].Protocols["http"].Endpoint
	if host, _, err := net.SplitHostPort(otlp); err != nil || host != local || len(file.Distributor.Receivers) != 1 || len(file.Distributor.Receivers["otlp"].Protocols) != 1 {
		t.Errorf("it receives by %v", file.Distributor.Receivers)
	}
	if file.Server.HTTP != local || file.Server.GRPC != local || !slices.Equal(file.Memberlist.Bind, []string{local}) {
		t.Errorf("it listens on %+v and %q", file.Server, file.Memberlist.Bind)
	}
	if file.UsageReport.Enabled == nil || *file.UsageReport.Enabled {
		t.Error("it reports how it is used")
	}
	project := load(t, "TRACES_ENDPOINT=http://"+otlp)
	tempo := project.Services["tempo"]
	data := tempo.Volumes[slices.IndexFunc(tempo.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Type == "volume" })].Target
	for _, folder := range []string{file.Storage.Trace.WAL.Path, file.Storage.Trace.Local.Path} {
		if path.Dir(folder) != data {
			t.Errorf("%s is in no volume", folder)
		}
	}
	// Who speaks to it means where it listens.
	grafana, err := url.Parse(*project.Services["grafana"].Environment["TEMPO_URL"])
	if err != nil || grafana.Host != net.JoinHostPort(local, "3200") || file.Server.Port != 3200 {
		t.Errorf("Grafana asks %v, %v", grafana, err)
	}
	if want := "-health.url=" + grafana.String() + "/ready"; !slices.Contains(tempo.HealthCheck.Test, want) {
		t.Errorf("the health check is %q, want %s", tempo.HealthCheck.Test, want)
	}
}

// TestNobodyIsToldOfPacketsUnasked looks at the exporter's flags with and without the variable.
func TestNobodyIsToldOfPacketsUnasked(t *testing.T) {
	flag := func(variables ...string) (found []string) {
		for _, a := range load(t, variables...).Services["packetscope"].Command {
			if strings.HasPrefix(a, "--tracing.") {
				found = append(found, a)
			}
		}
		return found
	}
	if diff := cmp.Diff([]string{"--tracing.otlp-endpoint="}, flag()); diff != "" {
		t.Errorf("without a variable (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"--tracing.otlp-endpoint=http://127.0.0.1:4318"}, flag("TRACES_ENDPOINT=http://127.0.0.1:4318")); diff != "" {
		t.Errorf("with one (-want +got):\n%s", diff)
	}
}
