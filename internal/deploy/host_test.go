package deploy

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/annotator/config"
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
	if diff := cmp.Diff(guardNeeds, sorted(strings.Fields(bounds[0]))); diff != "" {
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
	// By what is left there the exporter tells that an agent should answer.
	if got := settings(unit, "RuntimeDirectoryPreserve"); !slices.Equal(got, []string{"yes"}) {
		t.Errorf("the sockets are preserved: %q", got)
	}
	if got := settings(unit, "Type"); !slices.Equal(got, []string{"notify"}) {
		t.Errorf("type %q: the network must wait for the policy", got)
	}
}

// TestAnnotatorUnit claims that the unit gives nothing but a folder for the store.
func TestAnnotatorUnit(t *testing.T) {
	unit := read(t, folder+"packetscope-annotator.service")
	for key, want := range map[string][]string{
		"CapabilityBoundingSet": {""},
		"AmbientCapabilities":   nil,
		"User":                  {"packetscope-annotator"},
		"StateDirectory":        {filepath.Base(filepath.Dir(config.DefaultStore))},
		"ReadWritePaths":        nil,
		"Type":                  {"notify"},
		"ExecStart":             {"/usr/local/bin/packetscope-annotator serve --config.file=/etc/packetscope-annotator/annotator.yaml"},
	} {
		if got := settings(unit, key); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// TestSystemdUnitsVerify asks systemd itself, where there is one.
func TestSystemdUnitsVerify(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	for _, name := range []string{"packetscope.service", "packetscope-guard.service", "packetscope-annotator.service"} {
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
					Name      string
					HostPath  struct{ Path string }
					ConfigMap struct{ Name string }
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

// objects reads a manifest, and returns the kinds of its objects and its daemon set.
func objects(t *testing.T, name string) (kinds []string, set daemonSet) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, folder+name)))
	for {
		var object daemonSet
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return kinds, set
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, object.Kind)
		if object.Kind == "DaemonSet" {
			set = object
		}
	}
}

// checkPod checks what both daemon sets have in common, and returns the container.
func checkPod(t *testing.T, set daemonSet, capabilities []string) container {
	t.Helper()
	pod := set.Spec.Template
	if diff := cmp.Diff(set.Spec.Selector.MatchLabels, pod.Metadata.Labels); diff != "" {
		t.Errorf("the selector does not fit the pods (-selector +pod):\n%s", diff)
	}
	if token := pod.Spec.AutomountServiceAccountToken; token == nil || *token {
		t.Error("the pod gets a token that it does not need")
	}
	if len(pod.Spec.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Spec.Containers))
	}
	c := pod.Spec.Containers[0]
	checkImage(t, c.Image)
	security := c.SecurityContext
	if diff := cmp.Diff(capabilities, sorted(security.Capabilities.Add)); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if !slices.Equal(security.Capabilities.Drop, []string{"ALL"}) || !security.ReadOnlyRootFilesystem ||
		security.AllowPrivilegeEscalation == nil || *security.AllowPrivilegeEscalation || security.Privileged != nil {
		t.Errorf("more privileges than are asked for by name: %+v", security)
	}
	return c
}

// mounts returns the paths of the node, or names of config maps, by where the container
// has them; "rw " stands before what it may change.
func mounts(set daemonSet) map[string]string {
	sources := map[string]string{}
	for _, v := range set.Spec.Template.Spec.Volumes {
		sources[v.Name] = v.HostPath.Path + v.ConfigMap.Name
	}
	all := map[string]string{}
	for _, m := range set.Spec.Template.Spec.Containers[0].VolumeMounts {
		all[m.MountPath] = sources[m.Name]
		if !m.ReadOnly {
			all[m.MountPath] = "rw " + sources[m.Name]
		}
	}
	return all
}

func TestKubernetesDaemonSet(t *testing.T) {
	kinds, set := objects(t, "kubernetes.yaml")
	if diff := cmp.Diff([]string{"Namespace", "ServiceAccount", "DaemonSet"}, kinds); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	c := checkPod(t, set, needed(t))
	if pod := set.Spec.Template.Spec; !pod.HostNetwork || !pod.HostPID {
		t.Error("the pod does not see its node")
	}
	want := map[string]string{"/sys/fs/cgroup": "/sys/fs/cgroup", "/run/packetscope/status": "/run/packetscope/status"}
	if diff := cmp.Diff(want, mounts(set)); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
	// Prometheus finds the port by its name.
	if len(c.Ports) != 1 || c.Ports[0].Name != "metrics" || c.Ports[0].ContainerPort != 10142 || c.Ports[0].HostPort != 10142 {
		t.Errorf("ports %+v", c.Ports)
	}
	if !strings.Contains(read(t, "rules/prometheus/fleet/kubernetes.yml"), "regex: metrics") {
		t.Error("the example of Prometheus looks for another port")
	}
	if !slices.Contains(c.Args, "--guarder.socket=/run/packetscope/status/guard.sock") || !slices.Contains(c.Args, "--guarder.optional") {
		t.Errorf("the exporter does not look for an agent of Guarder that may be there: %q", c.Args)
	}
}

// TestKubernetesGuardIsSafe: nothing is dropped until somebody says so.
func TestKubernetesGuardIsSafe(t *testing.T) {
	kinds, set := objects(t, "kubernetes-guard.yaml")
	if diff := cmp.Diff([]string{"DaemonSet"}, kinds); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	c := checkPod(t, set, guardNeeds)
	if pod := set.Spec.Template.Spec; !pod.HostNetwork || pod.HostPID || len(c.Ports) != 0 {
		t.Error("the pod is not in the network of its node, sees its processes, or opens a port")
	}
	if !slices.Contains(c.Args, "--mode-ceiling=audit") || !slices.Contains(c.Args, "--status-socket=/run/packetscope/status/guard.sock") {
		t.Errorf("the agent runs %q, want it to audit, and to tell the exporter", c.Args)
	}
	want := map[string]string{
		"/etc/packetscope/guard": "packetscope-guard", "/sys/fs/bpf": "rw /sys/fs/bpf",
		"/run/packetscope": "rw /run/packetscope", "/var/lib/packetscope": "rw /var/lib/packetscope",
	}
	if diff := cmp.Diff(want, mounts(set)); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
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
	want := []string{"--platform=$BUILDPLATFORM golang:" + language + "-bookworm AS build", "scratch AS demo", "scratch AS annotator", "scratch AS packetscope"}
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
