package deploy

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// load reads compose.yaml as "docker compose" does, with some variables set.
func load(t *testing.T, variables ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(top, "compose.yaml")},
		cli.WithEnv(variables), cli.WithProfiles([]string{"annotator", "demo", "guard", "traces"}), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestComposeIsValid takes no variable: "docker compose up" alone must suffice.
func TestComposeIsValid(t *testing.T) {
	project := load(t)
	got := map[string][]string{}
	for name, s := range project.Services {
		profile := strings.Join(s.Profiles, " ")
		got[profile] = append(got[profile], name)
		slices.Sort(got[profile])
	}
	// Nobody gets a packet filter without asking for one.
	want := map[string][]string{
		"":          {"alertmanager", "grafana", "packetscope", "prometheus"},
		"annotator": {"annotator"},
		"demo":      {"demo-client", "demo-guard", "demo-server"},
		"guard":     {"guard"},
		"traces":    {"tempo"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services by profile (-want +got):\n%s", diff)
	}
}

// TestComposeServicesAreKept checks what every service must have.
func TestComposeServicesAreKept(t *testing.T) {
	for name, s := range load(t).Services {
		t.Run(name, func(t *testing.T) {
			checkImage(t, s.Image)
			if (s.Build != nil) != strings.HasPrefix(s.Image, own) {
				t.Error("exactly the images of this tree are built")
			}
			if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 || s.HealthCheck.Disable {
				t.Error("no health check")
			}
			if s.Restart != types.RestartPolicyUnlessStopped {
				t.Errorf("restart: %q", s.Restart)
			}
			if s.MemLimit == 0 || s.PidsLimit == 0 {
				t.Error("no limit of memory or processes")
			}
			if s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
				t.Error("the log grows without end")
			}
			if s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
				t.Error("more privileges than are asked for by name")
			}
			// Grafana writes where it likes to.
			if s.ReadOnly != (name != "grafana") {
				t.Errorf("read_only: %v", s.ReadOnly)
			}
			for dependency, d := range s.DependsOn {
				if d.Condition != types.ServiceConditionHealthy {
					t.Errorf("waits for %s to be %s only", dependency, d.Condition)
				}
			}
		})
	}
}

// TestComposeCapabilities compares the lists exactly: one more is a fault too.
func TestComposeCapabilities(t *testing.T) {
	want := map[string][]string{
		"packetscope": needed(t),
		"guard":       guardNeeds,
		"demo-guard":  guardNeeds,
		"demo-server": {"NET_ADMIN"},
		"demo-client": {"NET_ADMIN", "NET_RAW"},
	}
	got := map[string][]string{}
	for name, s := range load(t).Services {
		if len(s.CapAdd) > 0 {
			got[name] = sorted(s.CapAdd)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
}

// TestComposeListensOnLoopbackOnly covers both ways to be reached: published ports,
// and the host's network, where the programs' own flags count.
func TestComposeListensOnLoopbackOnly(t *testing.T) {
	project := load(t)
	const local = "127.0.0.1"
	for name, s := range project.Services {
		for _, port := range s.Ports {
			if port.HostIP != local {
				t.Errorf("%s publishes port %s on %q", name, port.Published, port.HostIP)
			}
		}
		switch {
		case s.NetworkMode != "host", name == "guard": // which is spoken to by a socket of the file system
			continue
		case name == "tempo": // whose file says it, see TestTempoIsOfThisHost
			continue
		}
		listens := s.Environment["GF_SERVER_HTTP_ADDR"]
		for _, argument := range s.Command {
			if address, ok := strings.CutPrefix(argument, "--web.listen-address="); ok {
				listens = &address
			}
		}
		if listens == nil || !strings.HasPrefix(*listens, local) {
			t.Errorf("%s does not say that it listens on %s only", name, local)
		}
	}
	demo := project.Networks["demo"]
	if !demo.Internal || demo.EnableIPv6 == nil || !*demo.EnableIPv6 {
		t.Error("the network of the demo is not internal, or lacks IPv6")
	}
	for _, name := range []string{"demo-server", "demo-client"} {
		s := project.Services[name]
		if _, ok := s.Networks["demo"]; !ok || len(s.Networks) != 1 || s.NetworkMode != "" {
			t.Errorf("%s has other networks than that of the demo", name)
		}
	}
}

// TestComposeGuarderIsSafe checks what keeps a first start from harm: on the host nothing
// is dropped until somebody says so, and the demo's filter is in the network of the demo,
// and gone with it.
func TestComposeGuarderIsSafe(t *testing.T) {
	guard := load(t).Services["guard"]
	if !slices.Contains(guard.Command, "--mode-ceiling=audit") || !slices.Contains(guard.Command, "--device=e[nt]*") {
		t.Errorf("by default the host's agent is %q", guard.Command)
	}
	guard = load(t, "GUARD_CEILING=enforce", "GUARD_DEVICE=bond0").Services["guard"]
	if !slices.Contains(guard.Command, "--mode-ceiling=enforce") || !slices.Contains(guard.Command, "--device=bond0") {
		t.Errorf("told otherwise it is %q", guard.Command)
	}
	project := load(t)
	demo := project.Services["demo-guard"]
	if demo.NetworkMode != "service:demo-server" || !slices.Contains(demo.Command, "--detach-at-end") {
		t.Errorf("the demo's agent is in the network %q and runs %q", demo.NetworkMode, demo.Command)
	}
	for _, v := range demo.Volumes {
		if v.Target == "/sys/fs/bpf" && (v.Type != types.VolumeTypeVolume || project.Volumes[v.Source].DriverOpts["type"] != "bpf") {
			t.Errorf("the demo pins into %+v, which may outlive it", v)
		}
	}
}

// TestComposeExporterFindsTheAgents follows the sockets by which it may read and change
// nothing through the volume that they are in.
func TestComposeExporterFindsTheAgents(t *testing.T) {
	services := load(t).Services
	exporter := services["packetscope"]
	if !slices.Contains(exporter.Command, "--guarder.optional") {
		t.Error("without an agent the exporter has a collector that fails")
	}
	in := func(s types.ServiceConfig, socket string) string {
		for _, v := range s.Volumes {
			if v.Target == path.Dir(socket) {
				return v.Source
			}
		}
		return ""
	}
	for name, socket := range map[string]string{"guard": "/run/packetscope/status/guard.sock", "demo-guard": "/run/packetscope/status/demo.sock"} {
		if volume := in(services[name], socket); volume == "" || volume != in(exporter, socket) {
			t.Errorf("%s has its socket in the volume %q, the exporter looks into %q", name, volume, in(exporter, socket))
		}
		if !slices.Contains(exporter.Command, "--guarder.socket="+socket) || !slices.Contains(services[name].Command, "--status-socket="+socket) {
			t.Errorf("the exporter does not look for %s, or %s does not have it", socket, name)
		}
		if !slices.Contains(services[name].Command, "--status-hits") {
			t.Errorf("%s does not tell the exporter whom rules hit", name)
		}
		if admin := in(services[name], "/run/packetscope/guard.sock"); admin != "" {
			t.Errorf("%s has its admin socket in the volume %q", name, admin)
		}
		if asked := strings.Join(services[name].HealthCheck.Test, " "); !strings.HasSuffix(asked, " guard status") {
			t.Errorf("%s is healthy if %q says so", name, asked)
		}
	}
}

// TestComposeGuarderPoliciesExist follows the paths back to the host.
func TestComposeGuarderPoliciesExist(t *testing.T) {
	for _, name := range []string{"guard", "demo-guard"} {
		service, policies := load(t).Services[name], 0
		for _, argument := range service.Command {
			if !strings.HasSuffix(argument, ".yaml") {
				continue
			}
			policies++
			if !slices.ContainsFunc(service.Volumes, func(v types.ServiceVolumeConfig) bool {
				file := v.Source + strings.TrimPrefix(argument, v.Target)
				_, err := os.Stat(file)
				return strings.HasPrefix(argument, v.Target) && err == nil
			}) {
				t.Errorf("%s reads %s, which is in no mount", name, argument)
			}
		}
		if policies < 2 {
			t.Errorf("%s reads %d policies", name, policies)
		}
	}
}

// TestComposeMounts opens every file that a container is to find.
func TestComposeMounts(t *testing.T) {
	mounted := 0
	for name, s := range load(t).Services {
		for _, v := range s.Volumes {
			switch {
			case v.Type == types.VolumeTypeVolume, v.Type == types.VolumeTypeTmpfs:
			case v.Source == "/sys/fs/bpf" && name == "guard":
			case v.Type != types.VolumeTypeBind || !v.ReadOnly:
				t.Errorf("%s mounts %s writable", name, v.Source)
			case v.Source == "/sys/fs/cgroup":
			case v.Target == secrets: // which whoever wants it makes
			case v.Bind == nil || bool(v.Bind.CreateHostPath):
				t.Errorf("%s: %s would be made as an empty folder if it were missing", name, v.Source)
			default:
				mounted++
				checkTree(t, v.Source)
			}
		}
	}
	if mounted < 5 {
		t.Errorf("only %d mounts were looked at", mounted)
	}
}

// checkTree parses what is below a path, and sees that other users can read it: the
// containers run as such.
func checkTree(t *testing.T, root string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if info.Mode().Perm()&0o005 != 0o005 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return nil
		}
		files++
		if info.Mode().Perm()&0o004 == 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return parse(path)
	})
	if err != nil {
		t.Error(err)
	}
	if files == 0 {
		t.Errorf("%s is empty", root)
	}
}

func parse(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var content any
	switch filepath.Ext(path) {
	case ".json":
		return json.Unmarshal(data, &content)
	case ".yaml", ".yml":
		return yaml.Unmarshal(data, &content)
	}
	return nil
}

// TestComposeHomeDashboardExists follows the path back to the host.
func TestComposeHomeDashboardExists(t *testing.T) {
	grafana := load(t).Services["grafana"]
	home := *grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	for _, v := range grafana.Volumes {
		if rest, ok := strings.CutPrefix(home, v.Target+"/"); ok {
			if _, err := os.Stat(filepath.Join(v.Source, rest)); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Errorf("%s is not in a mount", home)
}

// TestComposeVariables sets what .env may hold.
func TestComposeVariables(t *testing.T) {
	grafana := load(t, "GRAFANA_PORT=3001", "GRAFANA_ADMIN_PASSWORD=secret").Services["grafana"]
	for variable, want := range map[string]string{"GF_SERVER_HTTP_PORT": "3001", "GRAFANA_ADMIN_PASSWORD": "secret"} {
		if got := *grafana.Environment[variable]; got != want {
			t.Errorf("%s is %q, want %q", variable, got, want)
		}
	}
}
