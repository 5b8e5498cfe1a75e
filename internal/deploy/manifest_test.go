package deploy

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// A meta is what each object of a manifest is called.
type meta struct {
	Name, Namespace string
	Labels          map[string]string
}

// A header is what tells of which kind an object is.
type header struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   meta
}

// The types below have the fields that the manifests use, of the same names as in the
// Kubernetes API (v1 and apps/v1, reference/generated/kubernetes-api). A field that is not
// here is misspelt, or new and to be looked at.
type (
	namespace struct {
		header `yaml:",inline"`
	}
	serviceAccount struct {
		header                       `yaml:",inline"`
		AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	}
	configMap struct {
		header `yaml:",inline"`
		Data   map[string]string
	}
	volumeClaim struct {
		header `yaml:",inline"`
		Spec   struct {
			AccessModes []string `yaml:"accessModes"`
			Resources   resources
		}
	}
	kubeService struct {
		header `yaml:",inline"`
		Spec   struct {
			Selector map[string]string
			Ports    []struct {
				Name, Protocol string
				Port           int
				TargetPort     string `yaml:"targetPort"`
			}
		}
	}
	// A workload is a DaemonSet or a Deployment.
	workload struct {
		header `yaml:",inline"`
		Spec   struct {
			Replicas       *int
			Strategy       struct{ Type string }
			UpdateStrategy struct {
				Type          string
				RollingUpdate struct {
					MaxUnavailable string `yaml:"maxUnavailable"`
				} `yaml:"rollingUpdate"`
			} `yaml:"updateStrategy"`
			Selector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			}
			Template struct {
				Metadata meta
				Spec     pod
			}
		}
	}
	pod struct {
		ServiceAccountName            string            `yaml:"serviceAccountName"`
		AutomountServiceAccountToken  *bool             `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            *bool             `yaml:"enableServiceLinks"`
		HostNetwork                   bool              `yaml:"hostNetwork"`
		HostPID                       bool              `yaml:"hostPID"`
		DNSPolicy                     string            `yaml:"dnsPolicy"`
		PriorityClassName             string            `yaml:"priorityClassName"`
		TerminationGracePeriodSeconds int               `yaml:"terminationGracePeriodSeconds"`
		NodeSelector                  map[string]string `yaml:"nodeSelector"`
		Tolerations                   []struct{ Operator string }
		SecurityContext               podSecurity `yaml:"securityContext"`
		Containers                    []container
		Volumes                       []volume
	}
	podSecurity struct {
		RunAsNonRoot   bool    `yaml:"runAsNonRoot"`
		RunAsUser      int     `yaml:"runAsUser"`
		RunAsGroup     int     `yaml:"runAsGroup"`
		FSGroup        int     `yaml:"fsGroup"`
		SeccompProfile profile `yaml:"seccompProfile"`
	}
	container struct {
		Name, Image     string
		ImagePullPolicy string `yaml:"imagePullPolicy"`
		Args            []string
		Env             []struct {
			Name      string
			Value     string
			ValueFrom struct {
				FieldRef struct {
					FieldPath string `yaml:"fieldPath"`
				} `yaml:"fieldRef"`
			} `yaml:"valueFrom"`
		}
		Ports           []containerPort
		StartupProbe    probe `yaml:"startupProbe"`
		ReadinessProbe  probe `yaml:"readinessProbe"`
		LivenessProbe   probe `yaml:"livenessProbe"`
		Resources       resources
		SecurityContext security `yaml:"securityContext"`
		VolumeMounts    []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	containerPort struct {
		Name, Protocol string
		ContainerPort  int `yaml:"containerPort"`
		HostPort       int `yaml:"hostPort"`
	}
	probe struct {
		HTTPGet          struct{ Path, Port string } `yaml:"httpGet"`
		Exec             struct{ Command []string }
		PeriodSeconds    int `yaml:"periodSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}
	resources struct{ Requests, Limits map[string]string }
	profile   struct{ Type string }
	security  struct {
		RunAsUser                *int `yaml:"runAsUser"`
		Privileged               *bool
		AllowPrivilegeEscalation *bool   `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool    `yaml:"readOnlyRootFilesystem"`
		SeccompProfile           profile `yaml:"seccompProfile"`
		AppArmorProfile          profile `yaml:"appArmorProfile"`
		Capabilities             struct{ Add, Drop []string }
	}
	volume struct {
		Name      string
		HostPath  struct{ Path, Type string } `yaml:"hostPath"`
		ConfigMap struct{ Name string }       `yaml:"configMap"`
		Secret    struct {
			SecretName  string `yaml:"secretName"`
			DefaultMode int    `yaml:"defaultMode"`
		}
		PersistentVolumeClaim struct {
			ClaimName string `yaml:"claimName"`
		} `yaml:"persistentVolumeClaim"`
	}
)

// A manifest is what a file has, by kind.
type manifest struct {
	kinds    []string // in their order
	config   configMap
	claim    volumeClaim
	service  kubeService
	workload workload
}

// versions are those of the API that the kinds are of.
var versions = map[string]string{
	"Namespace": "v1", "ServiceAccount": "v1", "ConfigMap": "v1", "PersistentVolumeClaim": "v1", "Service": "v1",
	"DaemonSet": "apps/v1", "Deployment": "apps/v1",
}

// readManifest decodes all objects of a file strictly.
func readManifest(t *testing.T, name string) manifest {
	t.Helper()
	m, err := decodeManifest(read(t, folder+name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

func decodeManifest(text string) (m manifest, err error) {
	heads, bodies := yaml.NewDecoder(strings.NewReader(text)), yaml.NewDecoder(strings.NewReader(text))
	bodies.KnownFields(true)
	for {
		var h header
		switch err := heads.Decode(&h); {
		case errors.Is(err, io.EOF):
			return m, nil
		case err != nil:
			return m, err
		case versions[h.Kind] == "" || h.APIVersion != versions[h.Kind]:
			return m, errors.New("no kind " + h.Kind + " of " + h.APIVersion)
		case h.Metadata.Name == "" || (h.Metadata.Namespace == "") != (h.Kind == "Namespace"):
			return m, errors.New(h.Kind + " has no name, or no namespace")
		}
		m.kinds = append(m.kinds, h.Kind)
		into := map[string]any{
			"Namespace": &namespace{}, "ServiceAccount": &serviceAccount{}, "ConfigMap": &m.config, "PersistentVolumeClaim": &m.claim,
			"Service": &m.service, "DaemonSet": &m.workload, "Deployment": &m.workload,
		}[h.Kind]
		if err := bodies.Decode(into); err != nil {
			return m, err
		}
	}
}

// TestManifestsAreDecodedStrictly damages one by a letter.
func TestManifestsAreDecodedStrictly(t *testing.T) {
	good := read(t, folder+"kubernetes-annotator.yaml")
	for old, want := range map[string]string{
		"readOnlyRootFilesystem":     "field readOnlyRootFileSystem not found in type deploy.security",
		"apiVersion: apps/v1":        "no kind Deployment of v1",
		"namespace: packetscope\nda": "ConfigMap has no name, or no namespace",
	} {
		damaged := strings.Replace(good, old, map[string]string{
			"readOnlyRootFilesystem": "readOnlyRootFileSystem", "apiVersion: apps/v1": "apiVersion: v1", "namespace: packetscope\nda": "\nda",
		}[old], 1)
		if _, err := decodeManifest(damaged); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %q: error %v, want %s", old, err, want)
		}
	}
}

// checkPod checks what all workloads have in common, and returns the container.
func checkPod(t *testing.T, w workload, capabilities []string) container {
	t.Helper()
	template := w.Spec.Template
	if diff := cmp.Diff(w.Spec.Selector.MatchLabels, template.Metadata.Labels); diff != "" {
		t.Errorf("the selector does not fit the pods (-selector +pod):\n%s", diff)
	}
	if token := template.Spec.AutomountServiceAccountToken; token == nil || *token {
		t.Error("the pod gets a token that it does not need")
	}
	if len(template.Spec.Containers) != 1 {
		t.Fatalf("%d containers", len(template.Spec.Containers))
	}
	c := template.Spec.Containers[0]
	checkImage(t, c.Image)
	s := c.SecurityContext
	if diff := cmp.Diff(capabilities, sorted(s.Capabilities.Add)); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || !s.ReadOnlyRootFilesystem ||
		s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Privileged != nil {
		t.Errorf("more privileges than are asked for by name: %+v", s)
	}
	if s.SeccompProfile.Type != "RuntimeDefault" && template.Spec.SecurityContext.SeccompProfile.Type != "RuntimeDefault" {
		t.Error("calls of the system are not filtered")
	}
	return c
}

// mounts returns the paths of the node, or the names of objects, by where the container
// has them; "rw " stands before what it may change.
func mounts(w workload) map[string]string {
	sources := map[string]string{}
	for _, v := range w.Spec.Template.Spec.Volumes {
		sources[v.Name] = v.HostPath.Path + v.ConfigMap.Name + v.Secret.SecretName + v.PersistentVolumeClaim.ClaimName
	}
	all := map[string]string{}
	for _, m := range w.Spec.Template.Spec.Containers[0].VolumeMounts {
		all[m.MountPath] = sources[m.Name]
		if !m.ReadOnly {
			all[m.MountPath] = "rw " + sources[m.Name]
		}
	}
	return all
}
