package sink

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnnotationsSayWhichHostsTheyAreAbout(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("web-%d.example.net:10142", i)
	}
	all := []string{AllHosts}
	for name, c := range map[string]struct {
		alert Alert
		want  []string
	}{
		"its own":            {Alert{Labels: map[string]string{"instance": "web7:9100"}}, []string{"host:web7"}},
		"without a port":     {Alert{Labels: map[string]string{"instance": "web7"}}, []string{"host:web7"}},
		"several":            {Alert{Hosts: []string{"a.example.net:1", "192.0.2.1:1", "a.example.net:2"}, Labels: map[string]string{"instance": "b:1"}}, []string{"host:a.example.net", "host:192.0.2.1"}},
		"nobody":             {Alert{}, all},
		"IPv6":               {Alert{Hosts: []string{"a:1", "[2001:db8::1]:1"}}, all},
		"a word of somebody": {Alert{Hosts: []string{"<img src=x>"}}, all},
		"a comma":            {Alert{Hosts: []string{"a,host:b"}}, all},
		"a long name":        {Alert{Hosts: []string{strings.Repeat("a", mostTag+1) + ":1"}}, all},
		"too many":           {Alert{Hosts: many}, all},
	} {
		if diff := cmp.Diff(c.want, hostTags(c.alert)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestHostsAndEpisodeAlwaysFit claims that the tags that boards and we look for are there,
// whatever else is said.
func TestHostsAndEpisodeAlwaysFit(t *testing.T) {
	m := flood(3)
	m.Alert.Name, m.Alert.Severity = strings.Repeat("n", 100), strings.Repeat("s", 100)
	m.Explanation.Verdict, m.Explanation.Confidence = strings.Repeat("v", 100), strings.Repeat("c", 100)
	for i := range 12 {
		m.Alert.Hosts = append(m.Alert.Hosts, fmt.Sprintf("h%d:1", i))
	}
	tags := annotationTags(m)
	text, err := json.Marshal(tags)
	if err != nil || len(text) >= mostTags {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	joined := strings.Join(tags, " ")
	for _, want := range []string{"packetscope ", "host:h0 ", "host:h11 ", "ep:" + m.Episode + " ", "resolved"} {
		if !strings.Contains(joined, want) {
			t.Errorf("no %q in %s", want, joined)
		}
	}
}
