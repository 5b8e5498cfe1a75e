package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listing shows the rules in their order, with what they have inherited.
func listing(p *Policy) (all []string) {
	for _, r := range p.Rules {
		all = append(all, fmt.Sprint(r.Stage, " ", r.Group, "/", r.Name, " ", r.Mode, " ", r.Action, " ", r.Interfaces, " ", r.Labels))
	}
	return all
}

func TestFilesBecomeOnePolicy(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": `
version: 1
defaults: {mode: enforce, interfaces: [eth0], labels: {team: net, tier: low}}
groups:
- name: late
  priority: 20
  rules:
  - {rule: one, match: {proto: tcp, dst_port: 23}, action: drop, mode: audit, labels: {tier: high}}
  - {rule: two, match: {proto: udp, dst_port: 53}, action: drop}
  - {rule: gone, match: {proto: sctp}, action: drop, mode: off}
- name: last
  rules:
  - {rule: three, match: {src_set: of-b}, action: pass, interfaces: [eth0, eth1]}
`,
		"b.yaml": `
version: 1
sets:
  of-b: {type: prefix, entries: [10.0.0.0/8]}
failsafe:
  allow:
  - {name: arp, ethertype: arp}
  established: keep
  confirm_within: 1m
  trip_wire: {dropped_ratio: 0.5, min_rate: 1k/s, over: 30s, then: audit}
groups:
- {name: early, priority: 3, rules: [{rule: four, match: {proto: esp}, action: count}]}
- {name: hygiene, stage: guard, rules: [{rule: five, match: {same: [src, dst]}, action: drop}]}
`,
		"b_test.yaml": "not a policy",
		"readme.txt":  "neither",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, faults := Load([]string{folder}, Options{})
	if p == nil || len(faults) != 0 {
		t.Fatal(faults)
	}
	want := []string{
		"guard hygiene/five audit drop [] map[]",
		"failsafe failsafe/arp enforce pass [] map[]",
		"policy early/four audit count [] map[]",
		"policy late/one audit drop [eth0] map[team:net tier:high]",
		"policy late/two enforce drop [eth0] map[team:net tier:low]",
		"policy last/three enforce pass [] map[team:net tier:low]",
	}
	if diff := cmp.Diff(want, listing(p)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	life := Life{KeepEstablished: true, ConfirmWithin: time.Minute,
		TripWire: &TripWire{DroppedRatio: 0.5, MinRate: 1000, Over: 30 * time.Second}}
	if diff := cmp.Diff(life, p.Life); diff != "" {
		t.Errorf("life (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"eth0", "eth1"}, p.Attach); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	if at := p.Rules[4].At.String(); at != filepath.Join(folder, "a.yaml")+":9:5" {
		t.Errorf("rule two is at %s", at)
	}
}

// A rule that names one interface twice is not for all of two.
func TestRulesKeepTheirInterfaces(t *testing.T) {
	p, faults := load(t, Options{}, `
groups:
- name: g
  rules:
  - {rule: one, match: {proto: gre}, action: count, interfaces: [eth0, eth0]}
  - {rule: both, match: {proto: gre}, action: count, interfaces: [eth1, eth0]}
`)
	if p == nil {
		t.Fatal(faults)
	}
	want := []string{"policy g/one audit count [eth0 eth0] map[]", "policy g/both audit count [] map[]"}
	if diff := cmp.Diff(want, listing(p)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestCeilingClampsEverything(t *testing.T) {
	text := `
unparsable: {mode: enforce}
defaults: {mode: enforce}
groups:
- name: g
  mode: enforce
  rules:
  - {rule: r, match: {proto: sctp}, action: drop, mode: enforce}
`
	for _, c := range []struct {
		ceiling, want Mode
		warnings      int
	}{{Off, Enforce, 0}, {Enforce, Enforce, 0}, {Audit, Audit, 4}} {
		p, faults := load(t, Options{Ceiling: c.ceiling}, text)
		if p == nil {
			t.Fatal(faults)
		}
		clamped := 0
		for _, f := range faults {
			if f.Code == aboveCeiling {
				clamped++
			}
		}
		if p.Rules[0].Mode != c.want || p.Rules[0].Asks != Enforce || p.UnparsableMode != c.want || clamped != c.warnings {
			t.Errorf("ceiling %v: rule %v, asks %v, unparsable %v, %d warnings", c.ceiling, p.Rules[0].Mode, p.Rules[0].Asks, p.UnparsableMode, clamped)
		}
	}
}

func TestUnparsableFollowsTheRules(t *testing.T) {
	rule := func(mode string) string {
		return "groups: [{name: g, rules: [{rule: r, match: {proto: sctp}, action: drop, mode: " + mode + "}]}]\n"
	}
	for text, want := range map[string]string{
		rule("audit"):   "drop audit",
		rule("enforce"): "drop enforce",
		rule("enforce") + "unparsable: {action: pass}":              "pass audit",
		rule("audit") + "unparsable: {action: drop, mode: enforce}": "drop enforce",
	} {
		p, faults := load(t, Options{}, text)
		if p == nil {
			t.Fatal(faults)
		}
		if got := fmt.Sprint(p.Unparsable, " ", p.UnparsableMode); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestLargeSetsStayOutsideTheRules(t *testing.T) {
	folder := t.TempDir()
	var list strings.Builder
	for i := range LargeSet {
		fmt.Fprintf(&list, "10.%d.%d.1 ; comment\n", i/256, i%256)
	}
	files := map[string]string{
		"list.txt": "# a list\n\n" + list.String(),
		"p.yaml": `
version: 1
sets:
  large: {type: prefix, file: list.txt}
groups: [{name: g, rules: [{rule: r, match: {src_set: large}, action: count}]}]
`}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, faults := Load([]string{folder}, Options{})
	if p == nil {
		t.Fatal(faults)
	}
	if got := len(p.Sets["large"].Prefixes); got != LargeSet {
		t.Errorf("%d prefixes, want %d", got, LargeSet)
	}
	if e, ok := p.Rules[0].Match.(Addresses); !ok || e.Set != "large" || e.Prefixes != nil {
		t.Errorf("match %#v, want the set", p.Rules[0].Match)
	}
	if err := os.WriteFile(filepath.Join(folder, "list.txt"), []byte("10.0.0.1\nhello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, faults = Load([]string{folder}, Options{}); len(faults) != 1 || !strings.Contains(faults[0].String(), `list.txt:2:1: error[G118]: large: bad address "hello"`) {
		t.Errorf("faults of a bad list: %v", faults)
	}
}

// Anchors may hold themselves, or each other many times over.
func TestAnchorsCannotTrapTheReader(t *testing.T) {
	self := "groups: [{name: g, rules: [{rule: r, match: &a {any: [*a, *a]}, action: count}]}]\n"
	bomb := "x: &a0 {ttl: 1}\n"
	for i := range 9 {
		bomb += fmt.Sprintf("x%d: &a%d {any: [%s]}\n", i, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 30))
	}
	bomb += "groups: [{name: g, rules: [{rule: r, match: *a9, action: count}]}]\n"
	for _, text := range []string{self, bomb} {
		if _, faults := load(t, Options{}, text); !slices.ContainsFunc(faults, func(f Fault) bool { return f.Code == OverBudget }) {
			t.Errorf("faults %v, want one of %s", faults, OverBudget)
		}
	}
}

func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, ready+"/ics.yaml", ready+"/baseline.yaml", ready+"/forged-icmp.yaml", ready+"/lan.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		file := filepath.Join(folder, "p.yaml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		p, faults := Load([]string{file}, Options{Now: readAt})
		if (p == nil) != Failed(faults) {
			t.Errorf("policy %v, faults %v", p, faults)
		}
		if p == nil {
			return
		}
		// What is left of it is what is loaded later.
		for _, end := range p.Ends() {
			after, faults := Load([]string{file}, Options{Now: end})
			if left := p.At(end); after == nil || left.Fingerprint != after.Fingerprint || !slices.Equal(listing(left), listing(after)) {
				t.Errorf("at %v rules %v are left, and %v are loaded, with %v", end, listing(left), after, faults)
			}
		}
	})
}

// TestFingerprintIsOfTheText loads a policy with a set from a file, and changes one thing
// after the other.
func TestFingerprintIsOfTheText(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	load := func(o Options, paths ...string) [32]byte {
		t.Helper()
		p, faults := Load(paths, o)
		if p == nil {
			t.Fatal(faults)
		}
		return p.Fingerprint
	}
	const text = `version: 1
sets: {bad: {type: prefix, file: bad.txt}}
groups: [{name: g, rules: [{rule: r, match: {proto: tcp, src_set: bad}, action: drop, mode: enforce}]}]
`
	const more = `version: 1
groups: [{name: h, rules: [{rule: r, match: {proto: tcp, src: 203.0.113.1}, action: drop}]}]
`
	write("bad.txt", "192.0.2.0/24\n")
	one, two := write("one.yaml", text), write("two.yaml", more)
	first := load(Options{}, one)
	write("bad.txt", "198.51.100.0/24\n")
	if got := load(Options{}, one); got != first {
		t.Error("a file of a set changes it")
	}
	if got := load(Options{}, write("renamed.yaml", text)); got != first {
		t.Error("the name of the file changes it")
	}
	seen := map[[32]byte]string{first: "the policy"}
	for claim, got := range map[string][32]byte{
		"another text":  load(Options{}, write("other.yaml", text+"# another\n")),
		"a ceiling":     load(Options{Ceiling: Audit}, one),
		"a second file": load(Options{}, one, two),
		"another order": load(Options{}, two, one),
	} {
		if same, ok := seen[got]; ok {
			t.Errorf("%s has the fingerprint of %s", claim, same)
		}
		seen[got] = claim
	}
}

func TestParseReadsATextLikeAFile(t *testing.T) {
	text, err := os.ReadFile("../../../rules/guarder/examples.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const path = "../../../rules/guarder/examples.yaml"
	wantPolicy, wantFaults := Load([]string{path}, Options{})
	policy, faults := Parse(path, text, Options{})
	if !reflect.DeepEqual(wantPolicy, policy) {
		t.Errorf("policy of the text: %v\nof the file: %v", listing(policy), listing(wantPolicy))
	}
	if diff := cmp.Diff(wantFaults, faults); diff != "" {
		t.Errorf("faults (-file +text)\n%s", diff)
	}
	if policy, faults := Parse("p.yaml", []byte("version: 2"), Options{}); policy != nil || len(faults) != 1 || faults[0].Code != wrongVersion || faults[0].At.File != "p.yaml" {
		t.Errorf("a bad text: %v, %v", policy, faults)
	}
}
