package house

import "strings"

// A Room is a folder with its place in the house. The packages below the folder
// belong to the room too, unless they have a room of their own, and may import
// each other.
type Room struct {
	// Path is the folder, relative to the module.
	Path string
	// Floor is the height: a room may import rooms of lower floors only.
	Floor int
	// Also are packages of the same floor that it may import.
	Also []string
	// Not are import paths that it must not import, with what is below them,
	// from whatever floor. Those of this module are relative to it.
	Not []string
	// Only, if not nil, lists all import paths from other modules that it may
	// import, with what is below them.
	Only []string
}

// TestFloor holds the support of tests. Only tests and other rooms of this
// floor may import it.
const TestFloor = 0

const (
	ebpf        = "github.com/cilium/ebpf"
	clientGo    = "github.com/prometheus/client_golang"
	rawSockets  = "golang.org/x/net/icmp"
	guarderText = "internal/guarder/policy" // decodes rules, installs none
	openAI      = "github.com/openai/openai-go"
	modelCalls  = "internal/annotator/model"
)

// engines hold BPF programs or send packets.
var engines = []string{"internal/stack", "internal/sockets", "internal/tracer", "internal/guarder", "internal/locator"}

// Rooms is the plan.
var Rooms = []Room{
	// It has privileges, so the libraries that ask models stay out.
	{Path: "cmd/packetscope", Floor: 4, Not: []string{"internal/annotator", openAI}},
	// The annotator's process has no capability and no way to the engines.
	{Path: "cmd/packetscope-annotator", Floor: 4, Not: with(engines, "bpf", ebpf)},
	// The demo only makes traffic.
	{Path: "cmd/packetscope-demo", Floor: 4, Not: with(engines, "bpf", ebpf)},
	{Path: "cmd/packetscope-dashboards", Floor: 4, Not: with(engines, "bpf", ebpf)},
	// Measure and deploy the whole from above, like commands.
	{Path: "internal/bench", Floor: 4},
	// Runs the whole, like its user.
	{Path: "internal/e2e", Floor: 4},
	{Path: "internal/deploy", Floor: 4},

	// It is in a process with privileges, which the libraries of the annotator are kept out of.
	{Path: "collector", Floor: 3, Not: []string{"bpf", ebpf, "internal/annotator"}},
	{Path: "internal/config", Floor: 3},
	// What the programs that serve have in common, whatever they serve.
	{Path: "internal/daemon", Floor: 3, Not: with(engines, "bpf", ebpf, "internal/annotator")},
	{Path: "dashboards", Floor: 3, Not: with(engines, "internal/annotator")},

	{Path: "internal/stack", Floor: 2, Not: []string{clientGo}},
	{Path: "internal/sockets", Floor: 2, Not: []string{clientGo}},
	// It reads settings and changes none.
	{Path: "internal/posture", Floor: 2, Not: []string{"bpf", ebpf, clientGo}},
	{Path: "internal/tracer", Floor: 2, Not: []string{clientGo}},
	{Path: "internal/guarder", Floor: 2, Not: []string{clientGo}},
	{Path: "internal/locator", Floor: 2, Not: []string{"bpf", ebpf, clientGo}},
	{Path: "internal/annotator", Floor: 2, Also: []string{guarderText, modelCalls}, Not: []string{"bpf", ebpf, "internal/wire", rawSockets, openAI}},
	// The one place that knows whose library asks models.
	{Path: modelCalls, Floor: 2, Not: []string{"bpf", ebpf, "internal/wire", rawSockets, clientGo}},

	{Path: "bpf", Floor: 1, Only: []string{ebpf}},
	{Path: "internal/kernel", Floor: 1},
	{Path: "internal/dropreason", Floor: 1},
	{Path: "internal/netns", Floor: 1},
	{Path: "internal/owner", Floor: 1},
	{Path: "internal/wire", Floor: 1},
	{Path: "internal/geo", Floor: 1},
	{Path: "internal/reload", Floor: 1},
	{Path: "internal/yamlfile", Floor: 1},
	{Path: "collector/metric", Floor: 1},
	{Path: "internal/query", Floor: 1, Also: []string{"collector/metric"}},
	{Path: "rules", Floor: 1, Also: []string{"collector/metric", "internal/query"}},
	{Path: "alertmanager", Floor: 1},

	{Path: "internal/grafanatest", Floor: TestFloor},
	{Path: "internal/promtest", Floor: TestFloor},
	{Path: "internal/testnet", Floor: TestFloor},
	{Path: "internal/locator/sim", Floor: TestFloor},
	{Path: modelCalls + "/double", Floor: TestFloor},
	{Path: "internal/locator/box", Floor: TestFloor, Also: []string{"internal/wire"}},
	{Path: "internal/annotator/sink/double", Floor: TestFloor},
	{Path: "internal/vmtest", Floor: TestFloor},
	{Path: "internal/debian", Floor: TestFloor},
	{Path: "internal/servers", Floor: TestFloor},
	{Path: "internal/lines", Floor: TestFloor},
	{Path: "internal/house", Floor: TestFloor},
}

func with(paths []string, more ...string) []string {
	return append(more, paths...)
}

// roomOf returns the innermost room of a package, or false if it has none.
func roomOf(pkg string) (Room, bool) {
	var inner Room
	for _, r := range Rooms {
		if within(pkg, r.Path) && len(r.Path) > len(inner.Path) {
			inner = r
		}
	}
	return inner, inner.Path != ""
}

// within reports whether an import path is root or below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// listed reports whether an import path is one of roots or below one.
func listed(path string, roots []string) bool {
	for _, root := range roots {
		if within(path, root) {
			return true
		}
	}
	return false
}
