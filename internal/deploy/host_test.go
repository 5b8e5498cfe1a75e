package deploy

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	if got := settings(unit, "StateDirectory"); !slices.Equal(got, []string{"packetscope/guard " + strings.TrimPrefix(adopted, "/var/lib/")}) {
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
