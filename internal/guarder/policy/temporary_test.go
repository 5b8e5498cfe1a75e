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

// The ends of the files of these tests, and the time at which they are read.
var (
	readAt = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	soon   = readAt.Add(time.Hour)
	later  = readAt.Add(2 * time.Hour)
)

const permanentFile = `version: 1
defaults: {mode: audit, interfaces: [eth0, "wlan*"]}
failsafe: {allow: [{name: ssh, proto: tcp, dst_port: 22}]}
sets: {bad: {type: prefix, entries: [198.18.0.0/15]}}
groups:
- {name: stays, priority: 20, rules: [{rule: r, match: {proto: udp, src_set: bad}, action: drop}]}
`

// temporaryFile is one that ends soon.
const temporaryFile = `version: 1
until: 2026-11-29T10:00:00Z
defaults: {mode: enforce, sample: {rate: 5/s}}
sets: {own: {type: prefix, entries: [203.0.113.0/24]}}
groups: [{name: adopted, priority: 10, rules: [{rule: r, match: {proto: udp, src_set: own}, action: drop}]}]
`

// files writes a folder of policy files.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestTemporaryFileComesAndGoes loads a permanent file and two that end, at each time
// that matters, and compares what is loaded with what is left of what was loaded first.
func TestTemporaryFileComesAndGoes(t *testing.T) {
	folder := files(t, map[string]string{
		"a.yaml": permanentFile, "b.yaml": temporaryFile,
		"c.yaml": strings.NewReplacer("10:00:00Z", "12:00:00+01:00", "own", "other", "adopted", "longer", "priority: 10", "priority: 11").Replace(temporaryFile),
	})
	at := func(now time.Time) (*Policy, []Fault) {
		t.Helper()
		p, faults := Load([]string{folder}, Options{Now: now})
		if p == nil {
			t.Fatal(faults)
		}
		return p, faults
	}
	first, faults := at(readAt)
	if len(faults) > 0 {
		t.Error(faults)
	}
	if got := first.Ends(); len(got) != 2 || !got[0].Equal(soon) || !got[1].Equal(later) {
		t.Errorf("ends %v, want %v and %v", got, soon, later)
	}
	for _, c := range []struct {
		now   time.Time
		rules []string
		sets  string
		over  int
	}{
		{readAt, []string{"failsafe/ssh", "adopted/r", "longer/r", "stays/r"}, "map[bad:1 other:1 own:1]", 0},
		{soon.Add(-1), []string{"failsafe/ssh", "adopted/r", "longer/r", "stays/r"}, "map[bad:1 other:1 own:1]", 0},
		{soon, []string{"failsafe/ssh", "longer/r", "stays/r"}, "map[bad:1 other:1]", 1},
		{later, []string{"failsafe/ssh", "stays/r"}, "map[bad:1]", 2},
		{later.AddDate(1, 0, 0), []string{"failsafe/ssh", "stays/r"}, "map[bad:1]", 2},
	} {
		loaded, faults := at(c.now)
		var names []string
		for _, r := range loaded.Rules {
			names = append(names, r.Group+"/"+r.Name)
		}
		if diff := cmp.Diff(c.rules, names); diff != "" || fmt.Sprint(loaded.Entries) != c.sets {
			t.Errorf("%v: sets %v, rules (-want +got):\n%s", c.now, loaded.Entries, diff)
		}
		told := 0
		for _, f := range faults {
			if f.Code == ended && f.Severity == Warning && f.At.Line == 2 {
				told++
			}
		}
		if told != c.over || len(faults) != told {
			t.Errorf("%v: %d files are over, want %d: %v", c.now, told, c.over, faults)
		}
		left := first.At(c.now)
		same := *left
		same.setEnds = loaded.setEnds // it may know ends that are over
		if !reflect.DeepEqual(loaded, &same) {
			t.Errorf("%v: what is left is not what is loaded: %+v, want %+v", c.now, left, loaded)
		}
		if c.now.Equal(readAt) && left != first {
			t.Error("nothing is over, and it is another policy")
		}
	}
	if len(first.Rules) != 4 || len(first.Entries) != 3 {
		t.Error("what is left has changed the policy that it is of")
	}
}

// TestTemporaryFileChangesNothingElse has a temporary file that enforces, and samples, in
// a policy that does neither.
func TestTemporaryFileChangesNothingElse(t *testing.T) {
	alone, _ := Load([]string{files(t, map[string]string{"a.yaml": permanentFile})}, Options{Now: readAt})
	// Read first, its defaults would be those of unparsable packets.
	both, faults := Load([]string{files(t, map[string]string{"b.yaml": permanentFile, "a.yaml": temporaryFile})}, Options{Now: readAt})
	if alone == nil || both == nil {
		t.Fatal(faults)
	}
	if both.UnparsableMode != Audit || both.UnparsableSample != nil || both.Unparsable != Drop {
		t.Errorf("unparsable: %v, %v, %+v", both.Unparsable, both.UnparsableMode, both.UnparsableSample)
	}
	if diff := cmp.Diff(alone.Attach, both.Attach); diff != "" {
		t.Errorf("interfaces (-without +with):\n%s", diff)
	}
	if alone.Fingerprint == both.Fingerprint {
		t.Error("they have one fingerprint")
	}
	if got := both.Rules[1]; got.Name != "r" || got.Group != "adopted" || !got.Until.Equal(soon) || got.Mode != Enforce || got.Sample == nil {
		t.Errorf("the temporary rule is %+v", got)
	}
}

func TestTemporaryFileWithFaults(t *testing.T) {
	rule := func(keys string) string {
		return "version: 1\nuntil: 2026-11-29T10:00:00Z\ngroups: [{name: t, priority: 5, rules: [{rule: r, " + keys + "}]}]\n"
	}
	for _, c := range []struct{ name, temporary, permanent, want string }{
		{"an interface of its own", rule("interfaces: [eth1], match: {proto: esp}, action: drop"), permanentFile,
			`t.yaml:3:41: error[G126]: t/r: interface "eth1" is in no other file, and a temporary one attaches to nothing; name it in a file without until`},
		{"an interface of a pattern", rule("interfaces: [wlan0], match: {proto: esp}, action: drop"), permanentFile, ""},
		{"the pattern", rule(`interfaces: ["wlan*"], match: {proto: esp}, action: drop`), permanentFile, ""},
		{"a set of a permanent file", rule("match: {proto: esp, src_set: bad}, action: drop"), permanentFile, ""},
		{"a set that a permanent file uses", rule("match: {proto: esp}, action: drop") + "sets: {more: {type: port, entries: [53]}}\n",
			permanentFile + "- {name: u, rules: [{rule: r, match: {proto: tcp, dst_port_set: more}, action: drop}]}\n",
			`p.yaml:7:65: error[G109]: u/r: set "more" is of a temporary file, and no other can use it; put the set in a file without until
t.yaml:4:8: warning[G304]: more: set "more" is not used by any rule; remove it, or name it in a rule`},
		{"a rule that a permanent one follows", rule("mode: enforce, match: {proto: udp, src: 198.18.0.0/15}, action: drop"), permanentFile, ""},
		{"a rule that follows a permanent one", rule("match: {proto: tcp, dst_port: 22, src: 203.0.113.9}, action: drop"), permanentFile,
			`t.yaml:3:41: warning[G201]: t/r: never reached: "ssh" (p.yaml:3:20) matches all it matches`},
		{"a pass without which ARP is dropped", rule("match: {ethertype: arp}, action: pass"),
			permanentFile + "- {name: u, rules: [{rule: r, mode: enforce, match: {not: {proto: [tcp, udp, icmp, icmpv6]}}, action: drop}]}\n",
			"p.yaml:7:21: error[G303]: u/r: would drop ARP; add to failsafe.allow: {name: arp, ethertype: arp}"},
		{"a group of both", rule("match: {proto: esp}, action: drop"), permanentFile + "- {name: t, rules: [{rule: r, match: {proto: esp}, action: drop}]}\n",
			`t.yaml:3:10: error[G103]: t: group "t" is already at p.yaml:7:3`},
	} {
		folder := files(t, map[string]string{"p.yaml": c.permanent, "t.yaml": c.temporary})
		_, faults := Load([]string{folder}, Options{Now: readAt})
		var got []string
		for _, f := range faults {
			got = append(got, strings.ReplaceAll(f.String(), folder+"/", ""))
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s: faults\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), c.want)
		}
	}
}

// TestFileThatIsOverCannotFail has files that are over and would be at fault otherwise, or
// clash with one that is not.
func TestFileThatIsOverCannotFail(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
	}{
		"a set that is gone":         {strings.Replace(temporaryFile, "src_set: own", "src_set: gone", 1), missingSet},
		"a key that is not known":    {temporaryFile + "grops: []\n", unknownKey},
		"names of a permanent file":  {strings.NewReplacer("adopted", "stays", "own", "bad", "priority: 10", "priority: 20").Replace(temporaryFile), ""},
		"a set of a permanent file":  {strings.Replace(temporaryFile, "src_set: own", "src_set: bad", 1), ""},
		"a feed":                     {temporaryFile + "feeds: [{feed: f, file: f.txt}]\n", notTemporary},
		"what no temporary file has": {temporaryFile + "failsafe: {confirm_within: 60s}\n", notTemporary},
	} {
		folder := files(t, map[string]string{"a.yaml": c.text, "b.yaml": permanentFile})
		p, faults := Load([]string{folder}, Options{Now: later})
		if p == nil || len(p.Rules) != 2 || p.Life != (Life{}) || fmt.Sprint(p.Entries) != "map[bad:1]" {
			t.Errorf("%s: policy %+v, faults %v", name, p, faults)
			continue
		}
		told := slices.ContainsFunc(faults, func(f Fault) bool { return f.Code == c.want })
		if Failed(faults) || told != (c.want != "") || !slices.ContainsFunc(faults, func(f Fault) bool { return f.Code == ended }) {
			t.Errorf("%s: faults %v, want warnings %s and %s", name, faults, ended, c.want)
		}
		alone, _ := Load([]string{filepath.Join(folder, "b.yaml")}, Options{Now: later})
		if p.Fingerprint != alone.Fingerprint {
			t.Errorf("%s: the file goes into the fingerprint", name)
		}
	}
}

// TestRuleIsOverToThePacket judges one packet before and after the end of the rule that
// drops it, and of the one that would have been asked first.
func TestRuleIsOverToThePacket(t *testing.T) {
	folder := files(t, map[string]string{"a.yaml": permanentFile, "b.yaml": temporaryFile})
	p, faults := Load([]string{folder}, Options{Now: readAt})
	if p == nil {
		t.Fatal(faults)
	}
	s, err := ParseSpecimen("udp 203.0.113.1:53 > 198.51.100.1:1024")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now  time.Time
		want string
	}{
		{time.Time{}, "drop, by adopted/r (b.yaml:5:48, until 2026-11-29T10:00:00Z)"},
		{soon.Add(-1), "drop, by adopted/r (b.yaml:5:48, until 2026-11-29T10:00:00Z)"},
		{soon, "pass, as no rule ends the search"},
		{later, "pass, as no rule ends the search"},
	} {
		steps, j := p.Explain(&s.Packet, &Env{Interface: "eth0", Sets: p.Sets, Now: c.now})
		if got := strings.ReplaceAll(p.String(j), folder+"/", ""); got != c.want {
			t.Errorf("at %v: %s, want %s", c.now, got, c.want)
		}
		over := slices.ContainsFunc(steps, func(s Step) bool { return s.Why == "it was over at 2026-11-29T10:00:00Z" })
		if over != !c.now.Before(soon) {
			t.Errorf("at %v: steps %+v", c.now, steps)
		}
	}
}
