package deploy

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
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

// TestSystemdUnitVerifies asks systemd itself, where there is one.
func TestSystemdUnitVerifies(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", "../../"+folder+"packetscope.service").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		// It is not installed where it is tested.
		if strings.Contains(line, "packetscope.service") && !strings.Contains(line, "is not executable") {
			t.Error(strings.TrimSpace(line))
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
