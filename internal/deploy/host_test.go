package deploy

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/guarder"
)

const folder = "cmd/packetscope/deploy/"

// settings returns the values of a key in a systemd unit.
func settings(unit, key string) []string {
	var values []string
	for line := range strings.Lines(unit) {
		if value, ok := strings.CutPrefix(line, key+"="); ok {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

func TestSystemdUnit(t *testing.T) {
	unit := read(t, folder+"packetscope.service")
	for _, key := range []string{"AmbientCapabilities", "CapabilityBoundingSet"} {
		got := settings(unit, key)
		if len(got) != 1 {
			t.Fatalf("%s is set %d times", key, len(got))
		}
		if diff := cmp.Diff(needed(t), sorted(strings.Fields(got[0]))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	// Each of them would take something that is measured.
	for _, key := range []string{"ProtectKernelTunables", "ProtectKernelLogs", "PrivateUsers", "PrivateNetwork", "ProtectProc"} {
		if got := settings(unit, key); got != nil {
			t.Errorf("%s=%v blinds the exporter", key, got)
		}
	}
	defaults := read(t, folder+"packetscope.default")
	if start := settings(unit, "ExecStart"); len(start) != 1 || !strings.HasSuffix(start[0], " serve $PACKETSCOPE_ARGS") {
		t.Errorf("starts %q, want the variable that the defaults set", start)
	}
	if got := settings(defaults, "PACKETSCOPE_ARGS"); !slices.Equal(got, []string{`""`}) {
		t.Errorf("the defaults set the arguments to %q", got)
	}
}

// TestGuardUnit holds the unit of Guarder's agent against what that needs.
func TestGuardUnit(t *testing.T) {
	unit := read(t, folder+"packetscope-guard.service")
	bounds := settings(unit, "CapabilityBoundingSet")
	if len(bounds) != 1 || settings(unit, "AmbientCapabilities") != nil || settings(unit, "User") != nil {
		t.Fatalf("root is bounded by %q", bounds)
	}
	if diff := cmp.Diff(sorted(slices.Collect(maps.Keys(guarder.Capabilities))), sorted(strings.Fields(bounds[0]))); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	// Each of them would take the devices, or the folder of what is pinned.
	for _, key := range []string{"ProtectKernelTunables", "PrivateUsers", "PrivateNetwork", "DynamicUser"} {
		if got := settings(unit, key); got != nil {
			t.Errorf("%s=%v leaves nothing to guard", key, got)
		}
	}
	// What is in force must not end with the agent.
	for _, key := range []string{"ExecStop", "ExecStopPost"} {
		if got := settings(unit, key); got != nil {
			t.Errorf("%s=%v", key, got)
		}
	}
	start, defaults := settings(unit, "ExecStart"), read(t, folder+"packetscope-guard.default")
	if len(start) != 1 || !strings.Contains(start[0], " guard run ") || !strings.Contains(start[0], " $GUARD_ARGS ") {
		t.Errorf("starts %q, want the variable that the defaults set", start)
	}
	if got := settings(defaults, "GUARD_ARGS"); !slices.Equal(got, []string{`""`}) {
		t.Errorf("the defaults set the arguments to %q", got)
	}
	// The folders of the flags' defaults are those that systemd makes.
	if got := settings(unit, "StateDirectory"); !slices.Equal(got, []string{"packetscope/guard"}) {
		t.Errorf("state in %q", got)
	}
	if got := settings(unit, "RuntimeDirectory"); !slices.Equal(got, []string{"packetscope"}) {
		t.Errorf("sockets in %q", got)
	}
	if got := settings(unit, "Type"); !slices.Equal(got, []string{"notify"}) {
		t.Errorf("type %q: the network must wait for the policy", got)
	}
}

// TestSystemdUnitsVerify asks systemd itself, where there is one.
func TestSystemdUnitsVerify(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	for _, name := range []string{"packetscope.service", "packetscope-guard.service"} {
		out, _ := exec.Command("systemd-analyze", "verify", "--man=no", "../../"+folder+name).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			// It is not installed where it is tested.
			if strings.Contains(line, name) && !strings.Contains(line, "is not executable") {
				t.Error(strings.TrimSpace(line))
			}
		}
	}
}

// A daemonSet is what of the manifest is looked at.
type daemonSet struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Selector struct{ MatchLabels map[string]string }
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				HostNetwork, HostPID         bool
				AutomountServiceAccountToken *bool
				Containers                   []container
				Volumes                      []struct {
					Name     string
					HostPath struct{ Path string }
				}
			}
		}
	}
}

type container struct {
	Image string
	Args  []string
	Ports []struct {
		Name                    string
		ContainerPort, HostPort int
	}
	SecurityContext struct {
		Privileged, AllowPrivilegeEscalation *bool
		ReadOnlyRootFilesystem               bool
		Capabilities                         struct{ Add, Drop []string }
	}
	VolumeMounts []struct {
		Name, MountPath string
		ReadOnly        bool
	}
}

// UnmarshalYAML takes the keys as they are written; the library would want them
// in lower case.
func (d *daemonSet) UnmarshalYAML(node *yaml.Node) error {
	lowerKeys(node)
	type plain daemonSet
	return node.Decode((*plain)(d))
}

func lowerKeys(node *yaml.Node) {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			// Labels are values in all but form.
			if !strings.Contains(child.Value, "/") {
				child.Value = strings.ToLower(child.Value)
			}
			continue
		}
		lowerKeys(child)
	}
}

func TestKubernetesDaemonSet(t *testing.T) {
	decoder := yaml.NewDecoder(strings.NewReader(read(t, folder+"kubernetes.yaml")))
	var kinds []string
	var set daemonSet
	for {
		var object daemonSet
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, object.Kind)
		if object.Kind == "DaemonSet" {
			set = object
		}
	}
	if diff := cmp.Diff([]string{"Namespace", "ServiceAccount", "DaemonSet"}, kinds); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	pod := set.Spec.Template
	if diff := cmp.Diff(set.Spec.Selector.MatchLabels, pod.Metadata.Labels); diff != "" {
		t.Errorf("the selector does not fit the pods (-selector +pod):\n%s", diff)
	}
	if !pod.Spec.HostNetwork || !pod.Spec.HostPID {
		t.Error("the pod does not see its node")
	}
	if token := pod.Spec.AutomountServiceAccountToken; token == nil || *token {
		t.Error("the pod gets a token that it does not need")
	}
	if len(pod.Spec.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Spec.Containers))
	}
	checkContainer(t, pod.Spec.Containers[0])
	for _, v := range pod.Spec.Volumes {
		if v.HostPath.Path != "/sys/fs/cgroup" {
			t.Errorf("volume %q is %q of the node", v.Name, v.HostPath.Path)
		}
	}
}

func checkContainer(t *testing.T, c container) {
	t.Helper()
	checkImage(t, c.Image)
	security := c.SecurityContext
	if diff := cmp.Diff(needed(t), sorted(security.Capabilities.Add)); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if !slices.Equal(security.Capabilities.Drop, []string{"ALL"}) || !security.ReadOnlyRootFilesystem ||
		security.AllowPrivilegeEscalation == nil || *security.AllowPrivilegeEscalation || security.Privileged != nil {
		t.Errorf("more privileges than are asked for by name: %+v", security)
	}
	// Prometheus finds the port by its name.
	if len(c.Ports) != 1 || c.Ports[0].Name != "metrics" || c.Ports[0].ContainerPort != 10142 || c.Ports[0].HostPort != 10142 {
		t.Errorf("ports %+v", c.Ports)
	}
	if !strings.Contains(read(t, "rules/prometheus/fleet/kubernetes.yml"), "regex: metrics") {
		t.Error("the example of Prometheus looks for another port")
	}
	for _, m := range c.VolumeMounts {
		if !m.ReadOnly {
			t.Errorf("%s is mounted writable", m.MountPath)
		}
	}
}

// TestDockerfile keeps the images small, static and of one version of Go.
func TestDockerfile(t *testing.T) {
	text := read(t, folder+"Dockerfile")
	var from []string
	for line := range strings.Lines(text) {
		if base, ok := strings.CutPrefix(line, "FROM "); ok {
			from = append(from, strings.TrimSpace(base))
		}
	}
	language := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod"))[1]
	want := []string{"--platform=$BUILDPLATFORM golang:" + language + "-bookworm AS build", "scratch AS demo", "scratch AS packetscope"}
	if diff := cmp.Diff(want, from); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	for _, part := range []string{"CGO_ENABLED=0", "GOARCH=$TARGETARCH", "org.opencontainers.image.licenses"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing", part)
		}
	}
	for name, s := range load(t).Services {
		if s.Build != nil && (s.Build.Dockerfile != folder+"Dockerfile" || !bytes.Contains([]byte(text), []byte(" AS "+s.Build.Target+"\n"))) {
			t.Errorf("%s is built from stage %q of %s, which is not there", name, s.Build.Target, s.Build.Dockerfile)
		}
	}
}
