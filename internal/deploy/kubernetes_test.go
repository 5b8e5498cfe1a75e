package deploy

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	alertmanagerfiles "github.com/packetscope/packetscope/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

func TestKubernetesDaemonSet(t *testing.T) {
	m := readManifest(t, "kubernetes.yaml")
	if diff := cmp.Diff([]string{"Namespace", "ServiceAccount", "DaemonSet"}, m.kinds); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	c := checkPod(t, m.workload, needed(t))
	if pod := m.workload.Spec.Template.Spec; !pod.HostNetwork || !pod.HostPID {
		t.Error("the pod does not see its node")
	}
	want := map[string]string{"/sys/fs/cgroup": "/sys/fs/cgroup", "/run/packetscope/status": "/run/packetscope/status"}
	if diff := cmp.Diff(want, mounts(m.workload)); diff != "" {
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
	m := readManifest(t, "kubernetes-guard.yaml")
	if diff := cmp.Diff([]string{"DaemonSet"}, m.kinds); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	c := checkPod(t, m.workload, guardNeeds)
	if pod := m.workload.Spec.Template.Spec; !pod.HostNetwork || pod.HostPID || len(c.Ports) != 0 {
		t.Error("the pod is not in the network of its node, sees its processes, or opens a port")
	}
	if !slices.Contains(c.Args, "--mode-ceiling=audit") || !slices.Contains(c.Args, "--status-socket=/run/packetscope/status/guard.sock") {
		t.Errorf("the agent runs %q, want it to audit, and to tell the exporter", c.Args)
	}
	want := map[string]string{
		"/etc/packetscope/guard": "packetscope-guard", "/sys/fs/bpf": "rw /sys/fs/bpf",
		"/run/packetscope": "rw /run/packetscope", "/var/lib/packetscope": "rw /var/lib/packetscope", adopted: "rw " + adopted,
	}
	if diff := cmp.Diff(want, mounts(m.workload)); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

// TestKubernetesAnnotatorHasLittle claims that the annotator has a volume for its store,
// files that it can only read, and no right or privilege at all.
func TestKubernetesAnnotatorHasLittle(t *testing.T) {
	m := readManifest(t, "kubernetes-annotator.yaml")
	if diff := cmp.Diff([]string{"ConfigMap", "PersistentVolumeClaim", "Service", "Deployment"}, m.kinds); diff != "" {
		t.Fatalf("objects (-want +got):\n%s", diff)
	}
	c := checkPod(t, m.workload, []string{})
	pod := m.workload.Spec.Template.Spec
	if pod.HostNetwork || pod.HostPID || pod.ServiceAccountName != "" || pod.PriorityClassName != "" || c.SecurityContext.RunAsUser != nil {
		t.Errorf("the pod is in its node, or has an account: %+v", pod)
	}
	// The user of the image, as whom the volume and the tokens can be used and nobody else.
	const user = 65534
	if diff := cmp.Diff(podSecurity{true, user, user, user, profile{"RuntimeDefault"}}, pod.SecurityContext); diff != "" {
		t.Errorf("security (-want +got):\n%s", diff)
	}
	if line := "USER " + strconv.Itoa(user) + ":" + strconv.Itoa(user); !strings.Contains(read(t, folder+"Dockerfile"), "\n"+line+"\n") {
		t.Errorf("the image does not have %q", line)
	}
	want := map[string]string{
		"/etc/packetscope-annotator": m.config.Metadata.Name, secrets: "packetscope-annotator",
		path.Dir(config.DefaultStore): "rw " + m.claim.Metadata.Name,
	}
	if diff := cmp.Diff(want, mounts(m.workload)); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
	for _, v := range pod.Volumes {
		if v.Secret.SecretName != "" && v.Secret.DefaultMode != 0o440 {
			t.Errorf("tokens have mode %#o, which the annotator takes for none of others' business at 0440", v.Secret.DefaultMode)
		}
	}
	// One that starts before the last has ended would wait for the lock of its store.
	if r := m.workload.Spec.Replicas; r == nil || *r != 1 || m.workload.Spec.Strategy.Type != "Recreate" || !slices.Equal(m.claim.Spec.AccessModes, []string{"ReadWriteOnce"}) {
		t.Errorf("several may write to one store: %+v, %+v", m.workload.Spec, m.claim.Spec)
	}
	if got := m.claim.Spec.Resources.Requests["storage"]; got != "2Gi" {
		t.Errorf("%s of room, want 512 MiB of messages, episodes, and a copy of both", got)
	}
}

// TestKubernetesAnnotatorIsFound follows the name of a port from the container to the page.
func TestKubernetesAnnotatorIsFound(t *testing.T) {
	m, text := readManifest(t, "kubernetes-annotator.yaml"), read(t, folder+"kubernetes-annotator.yaml")
	c, ports := m.workload.Spec.Template.Spec.Containers[0], m.service.Spec.Ports
	if diff := cmp.Diff(m.workload.Spec.Selector.MatchLabels, m.service.Spec.Selector); diff != "" {
		t.Errorf("the service selects other pods (-deployment +service):\n%s", diff)
	}
	if len(c.Ports) != 1 || len(ports) != 1 || ports[0].TargetPort != c.Ports[0].Name || ports[0].Port != c.Ports[0].ContainerPort {
		t.Fatalf("ports %+v of the container, %+v of the service", c.Ports, ports)
	}
	port := ":" + strconv.Itoa(c.Ports[0].ContainerPort)
	if port != config.DefaultAddress || !slices.Contains(c.Args, "--web.listen-address="+port) {
		t.Errorf("port %s, arguments %q", port, c.Args)
	}
	for name, p := range map[string]probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if p.HTTPGet.Port != c.Ports[0].Name || !strings.HasPrefix(p.HTTPGet.Path, "/-/") {
			t.Errorf("the %s probe asks %+v", name, p.HTTPGet)
		}
	}
	if url := "http://" + m.service.Metadata.Name + "." + m.service.Metadata.Namespace + ".svc" + port + webhook.Path; !strings.Contains(text, url) {
		t.Errorf("Alertmanager is not told %s", url)
	}
	// By which its own alerts are kept from it.
	const job = "packetscope-annotator"
	if !strings.Contains(text, "as the job "+job) || !strings.Contains(alertmanagerfiles.Config, `job!="`+job+`"`) {
		t.Errorf("Prometheus is not told of the job %s", job)
	}
}

// TestKubernetesAnnotatorConfig parses what the config map holds: the files that it names
// are in the secret that the command makes.
func TestKubernetesAnnotatorConfig(t *testing.T) {
	m, text := readManifest(t, "kubernetes-annotator.yaml"), read(t, folder+"kubernetes-annotator.yaml")
	example := m.config.Data["annotator.yaml"]
	if len(m.config.Data) != 1 || !slices.Contains(m.workload.Spec.Template.Spec.Containers[0].Args, "--config.file=/etc/packetscope-annotator/annotator.yaml") {
		t.Errorf("files %v", m.config.Data)
	}
	cfg := parseAnnotator(t, example)
	if len(cfg.Tokens) != 2 || len(cfg.Model.Providers) > 0 || cfg.Store.Path != config.DefaultStore {
		t.Errorf("%+v", cfg)
	}
	named := regexp.MustCompile(secrets+`/([a-z0-9.-]+)`).FindAllStringSubmatch(example, -1)
	if len(named) != 3 {
		t.Errorf("secrets %q", named)
	}
	for _, name := range named {
		if !strings.Contains(text, "--from-file=secrets/annotator/"+name[1]+" ") && !strings.Contains(text, "--from-file=secrets/annotator/"+name[1]+"\n") {
			t.Errorf("the command puts no %s into the secret", name[1])
		}
	}
}
