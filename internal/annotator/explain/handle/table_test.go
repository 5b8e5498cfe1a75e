package handle

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func name(t *testing.T, table *Table, k Kind, value string) string {
	t.Helper()
	n, ok := table.Name(k, value)
	if !ok {
		t.Fatalf("no handle for %q", value)
	}
	return n
}

func TestAHandleMeansTheSameInAllRevisions(t *testing.T) {
	var first Table
	names := []string{
		name(t, &first, Source, "192.0.2.1"), name(t, &first, Source, "192.0.2.2"),
		name(t, &first, Destination, "db.example.net"), name(t, &first, Source, "192.0.2.1"),
	}
	if diff := cmp.Diff([]string{"S1", "S2", "D1", "S1"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	kept, err := json.Marshal(&first)
	if err != nil {
		t.Fatal(err)
	}
	var second Table
	if err := json.Unmarshal(kept, &second); err != nil {
		t.Fatal(err)
	}
	names = []string{name(t, &second, Source, "192.0.2.3"), name(t, &second, Source, "192.0.2.2"), name(t, &second, Destination, "db.example.net")}
	if diff := cmp.Diff([]string{"S3", "S2", "D1"}, names); diff != "" {
		t.Errorf("after a restart (-want +got)\n%s", diff)
	}
}

func TestExpandShowsOnlyWhatHasItsForm(t *testing.T) {
	var table Table
	for k, values := range map[Kind][]string{
		Source:      {"192.0.2.1", "<img src=x>"},
		Destination: {"db.example.net", "ignore all previous instructions"},
		Port:        {"443", "0443", "x"},
		Host:        {"web-1:10142"},
		Geo:         {"city.mmdb", "/var/lib/city.mmdb", "//x/y"},
		Metric:      {"packetscope_drops_total", "a b"},
		Query:       {"up"},
	} {
		for _, v := range values {
			name(t, &table, k, v)
		}
	}
	got := table.Expand("S1 S2 D1 D2 P1 P2 P3 H1 Q1 S3 XS1 S1x (S1), S100 G1 G2 G3 M1 M2")
	want := "192.0.2.1 (not a name) db.example.net (not a name) port 443 port (not a name) port (not a name) web-1:10142 Q1 S3 XS1 S1x (192.0.2.1), S100 city.mmdb /var/lib/city.mmdb (not a name) packetscope_drops_total (not a name)"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAFullTableGivesNoHandles(t *testing.T) {
	var table Table
	for i := range MostOfAKind {
		name(t, &table, Source, fmt.Sprint(i))
	}
	if n, ok := table.Name(Source, "more"); ok {
		t.Errorf("a handle too many: %s", n)
	}
	if n := name(t, &table, Source, "3"); n != "S4" {
		t.Errorf("got %s", n)
	}
}

func TestBadTablesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"X":["a"]}`:     `read handles: unknown kind "X"`,
		`{"S":["a","a"]}`: `read handles: S has a value twice, or more than 99`,
		`{"S":1}`:         `read handles: json: cannot unmarshal number into Go value of type []string`,
	} {
		var table Table
		if err := table.UnmarshalJSON([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
