package policy

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

const ready = "../../../rules/guarder"

// readyFiles returns the ready-made policies.
func readyFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(ready + "/*_test.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], "_test.yaml") + ".yaml"
	}
	return files
}

func TestReadyPoliciesHaveNoFaults(t *testing.T) {
	for _, file := range readyFiles(t) {
		if _, faults := Load([]string{file}, Options{}); len(faults) != 0 {
			t.Errorf("%s: %v", file, faults)
		}
	}
	if _, faults := Load([]string{ready}, Options{}); Failed(faults) {
		t.Errorf("all of them together: %v", faults)
	}
}

// Each rule is seen to match a packet, and not to match another.
func TestReadyPoliciesPassTheirTests(t *testing.T) {
	for _, file := range readyFiles(t) {
		report, faults := RunTests(strings.TrimSuffix(file, ".yaml")+"_test.yaml", nil)
		for _, f := range faults {
			t.Error(f)
		}
		for _, f := range report.Failures {
			t.Error(f)
		}
		for rule, hits := range report.Hits {
			if hits == 0 || report.Misses[rule] == 0 {
				t.Errorf("%s: rule %s matches %d packets of its tests, and %d not", filepath.Base(file), rule, hits, report.Misses[rule])
			}
		}
	}
}

// testdata/matches.yaml has a rule for each key of a match, seen both ways.
func TestEachMatchHasPolicyTests(t *testing.T) {
	report, faults := RunTests("testdata/matches_test.yaml", nil)
	for _, f := range faults {
		t.Error(f)
	}
	for _, f := range report.Failures {
		t.Error(f)
	}
	for rule, hits := range report.Hits {
		if hits == 0 || report.Misses[rule] == 0 && rule != "last/any_packet" {
			t.Errorf("rule %s matches %d packets of the tests, and %d not", rule, hits, report.Misses[rule])
		}
	}
	text, err := os.ReadFile("testdata/matches.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{loader: &loader{policy: &Policy{}}}
	m := &matcher{reader: r}
	for _, f := range slices.Concat(m.fields(), m.tcpFields(), m.flagFields(&flagTest{}), m.icmpFields(&icmpTypes{}), m.innerFields(),
		m.stateFields(&Socket{}), m.placeFields(&Sequence{}), m.connectionFields(&Connections{}), m.lengthFields(&Connections{}), m.arpFields(), m.macFields(), m.senderFields(), m.ndFields(), m.vlanFields(), m.payloadFields(&Payload{}), r.comparisonFields("", 9, nil)) {
		if f.read != nil && !strings.Contains(string(text), f.name+": ") {
			t.Errorf("no rule has the key %s", f.name)
		}
	}
}

// TestReadyPoliciesCanBeEnforced: nothing that is audited at first is refused once it is
// not.
func TestReadyPoliciesCanBeEnforced(t *testing.T) {
	for _, file := range readyFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, faults := Parse(file, []byte(strings.ReplaceAll(string(text), "mode: audit", "mode: enforce")), Options{})
		if p == nil {
			t.Errorf("%v", faults)
		}
	}
}

// TestForgedQuoteIsSeenWhateverItSays has an error quote an echo reply that says that it is
// a later fragment. Linux does not look at that, and lowers the path MTU all the same.
func TestForgedQuoteIsSeenWhateverItSays(t *testing.T) {
	p, faults := Load([]string{ready + "/forged-icmp.yaml"}, Options{})
	if p == nil {
		t.Fatal(faults)
	}
	host, peer := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	echoReply := packet.Frame{
		Source: host, Destination: peer, Protocol: packet.ICMPv4, DontFragment: true, Offset: 8, Payload: make([]byte, 1000),
	}
	f := packet.Frame{
		Source: netip.MustParseAddr("203.0.113.9"), Destination: host, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: 3, Code: 4, MTU: 600, Quoted: &echoReply},
	}
	pkt := packet.Parse(f.Bytes())
	j := p.Judge(&pkt, &Env{Own: func(a netip.Addr) bool { return a == host }})
	if j.Verdict != Dropped || p.Rules[j.By].Name != "ptb-quoting-echo-reply" {
		t.Errorf("judged %+v", j)
	}
}
