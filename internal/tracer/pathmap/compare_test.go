package pathmap

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func names(list []Change) (all []string) {
	for _, c := range list {
		all = append(all, c.Name)
	}
	return all
}

// withTimes is a node that packets came to, with times around a typical one.
func withTimes(name string, packets uint64, typical time.Duration, seed uint64) NodeDocument {
	random := rand.New(rand.NewPCG(seed, 0))
	var t Times
	for range packets {
		t.add(time.Duration(float64(typical) * math.Exp(random.NormFloat64()/2)))
	}
	return NodeDocument{Function: name, Direction: Receive, Protocol: ProtocolTCP, Packets: packets, TimesDocument: newTimesDocument(t)}
}

func documentOf(packets uint64, nodes ...NodeDocument) Document {
	return Document{Version: DocumentVersion, Packets: map[string]uint64{ProtocolTCP: packets}, Nodes: nodes}
}

func TestComparedMapsTellWhatIsSure(t *testing.T) {
	before := documentOf(100, withTimes("tcp_v4_rcv", 100, time.Microsecond, 1), withTimes("nft_do_chain", 100, time.Microsecond, 2),
		withTimes("ip_rcv", 100, time.Microsecond, 3), withTimes("seldom", 2, time.Microsecond, 4))
	after := documentOf(100, withTimes("tcp_v4_rcv", 100, time.Microsecond, 5), withTimes("ip_rcv", 100, 3*time.Microsecond, 6),
		withTimes("tcp_drop", 40, time.Microsecond, 7), withTimes("once", 1, time.Microsecond, 8))
	before.Packets[ProtocolUDP] = 7
	c := Compare(before, after)
	got := [][]string{names(c.Appeared), names(c.Vanished), names(c.Slowed), names(c.Quickened), c.Alone}
	want := [][]string{{"tcp_drop"}, {"nft_do_chain"}, {"ip_rcv"}, nil, {"udp"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("appeared, vanished, slowed, quickened, alone (-want +got):\n%s", diff)
	}
	if r := c.Slowed[0].Ratio(); r < 2.4 || r > 3.8 {
		t.Errorf("slowed to %v times, want about 3", r)
	}
	back := Compare(after, before)
	got = [][]string{names(back.Appeared), names(back.Vanished), names(back.Slowed), names(back.Quickened)}
	if diff := cmp.Diff([][]string{want[1], want[0], nil, want[2]}, got); diff != "" {
		t.Errorf("the other way round (-want +got):\n%s", diff)
	}
}

// TestEqualMapsSeldomDiffer: with a chance of 5 of 100 to be wrong, about so many are.
func TestEqualMapsSeldomDiffer(t *testing.T) {
	wrong := 0
	const tries = 1000
	for i := range uint64(tries) {
		c := Compare(documentOf(50, withTimes("f", 50, time.Microsecond, 2*i)), documentOf(50, withTimes("f", 50, time.Microsecond, 2*i+1)))
		wrong += len(c.Slowed) + len(c.Quickened)
	}
	if wrong < 20 || wrong > 90 {
		t.Errorf("%d of %d are told to differ", wrong, tries)
	}
}

func TestFishersTestIsExact(t *testing.T) {
	for _, c := range []struct {
		some, of, others uint64
		want             float64
	}{{1, 1, 1, 0.5}, {2, 2, 2, 1. / 6}, {3, 10, 10, 120. / 1140}, {0, 5, 5, 1}, {5, 5, 0, 1}} {
		if got := noneOf(c.some, c.of, c.others); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%d of %d, and none of %d: %v, want %v", c.some, c.of, c.others, got, c.want)
		}
	}
}

func TestDocumentsAreReadAsWritten(t *testing.T) {
	var m Map
	m.Add(loop())
	want := NewDocument(m.Graph(0))
	want.Kernel = "6.18"
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadDocument(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestWrongDocumentsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{\n \"kernel\": }":                 "2:12: invalid character '}'",
		"{\"packetscope_path_map\": \"1\"}": "cannot unmarshal string",
		"{\"packetscope_path_map\": 2}":     "no path map of version 1",
		"{}":                                "write one with packetscope trace map --format=json",
		"":                                  "unexpected end",
		"{\"packetscope_path_map\": 1, \"nodes\":": "unexpected end",
	} {
		if _, err := ReadDocument(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
