package stack

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
)

// enumOf returns the names of an enum in abi.h in their order, without the last, which
// is their number.
func enumOf(t *testing.T, name string) []string {
	t.Helper()
	source, err := os.ReadFile("../../bpf/include/abi.h")
	if err != nil {
		t.Fatal(err)
	}
	body := regexp.MustCompile(`(?s)enum ` + name + ` \{(.*?)\}`).FindSubmatch(source)
	if body == nil {
		t.Fatalf("abi.h has no enum %q", name)
	}
	var names []string
	for _, m := range regexp.MustCompile(`\b([A-Z0-9_]+),`).FindAllSubmatch(body[1], -1) {
		names = append(names, string(m[1]))
	}
	return names[:len(names)-1]
}

// spell returns the name of a constant in abi.h.
func spell(words ...string) string { return strings.ToUpper(strings.Join(words, "_")) }

func TestLabelsAreInTheOrderOfTheKernelHalf(t *testing.T) {
	for enum, labels := range map[string][]string{
		"layer":        spelled("layer", Layers),
		"direction":    spelled("direction", Directions),
		"device_class": spelled("class", DeviceClasses),
		"cause":        spelled("cause", Causes),
		"flow_role":    spelled("flow", FlowRoles),
		"kind":         kindNames(),
		"station":      stationNames(),
		"span":         spanNames(),
	} {
		if diff := cmp.Diff(enumOf(t, enum), labels); diff != "" {
			t.Errorf("enum %s (-C +Go):\n%s", enum, diff)
		}
	}
}

func spelled[T interface{ String() string }](prefix string, values []T) []string {
	var names []string
	for _, v := range values {
		names = append(names, spell(prefix, v.String()))
	}
	return names
}

func kindNames() []string {
	var names []string
	for _, k := range Kinds {
		name := "KIND_NON_IP"
		if version, ok := strings.CutPrefix(k.Family(), "ipv"); ok {
			name = spell("kind", strings.TrimSuffix(k.Protocol(), "v6")+version)
		}
		names = append(names, name)
	}
	return names
}

func stationNames() []string {
	names := []string{"STATION_NONE"}
	for s := bpf.LinkReceive; int(s) < bpf.Stations; s++ {
		at := stationLabels[s]
		direction := at.Direction.String()
		if at.Layer == Socket {
			direction = map[Direction]string{Receive: "read", Transmit: "write"}[at.Direction]
		}
		names = append(names, spell("station", at.Layer.String(), direction))
	}
	return names
}

func spanNames() []string {
	names := []string{"SPAN_NONE"}
	for s := bpf.ReceiveLinkNetwork; int(s) < bpf.Spans; s++ {
		at := spanLabels[s]
		names = append(names, spell("span", at.Direction.String(), at.From.String(), at.To.String()))
	}
	return names
}

func TestEveryLabelIsItsOwn(t *testing.T) {
	spans := make(map[Span]bool)
	for _, s := range spanLabels {
		if spans[s] {
			t.Errorf("two spans are called %v", s)
		}
		spans[s] = true
	}
	kinds := make(map[[2]string]bool)
	for _, k := range Kinds {
		name := [2]string{k.Family(), k.Protocol()}
		if kinds[name] {
			t.Errorf("two kinds are called %v", name)
		}
		kinds[name] = true
	}
}

func TestUnknownCodeStaysVisible(t *testing.T) {
	for _, got := range []string{
		Layer(77).String(), Direction(77).String(), Kind(77).Family(), Kind(77).Protocol(),
		DeviceClass(77).String(), Cause(77).String(), HookFamily(77).String(),
	} {
		if got != "unknown_77" {
			t.Errorf("code 77 is called %q", got)
		}
	}
}

func TestHookFamiliesAreNamed(t *testing.T) {
	for _, f := range append([]HookFamily{Auto}, HookFamilies...) {
		got, err := ParseHookFamily(f.String())
		if got != f || err != nil {
			t.Errorf("ParseHookFamily(%q) = %v, %v", f, got, err)
		}
	}
	if _, err := ParseHookFamily("kprobes"); err == nil || !strings.Contains(err.Error(), `"kprobe"`) {
		t.Errorf("error %v, want one that lists the families", err)
	}
	if slices.Contains(HookFamilies, Auto) {
		t.Error("a probe can be forced to auto")
	}
}
