package dashboards

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/query"
)

// TestTracesLeadToMetrics fills in a span's tags as Grafana does, and holds the queries
// against the catalogue of metrics.
func TestTracesLeadToMetrics(t *testing.T) {
	var file struct {
		Datasources []struct {
			UID, Type string
			JSONData  struct {
				TracesToMetrics struct {
					DatasourceUID string `yaml:"datasourceUid"`
					Tags          []struct{ Key, Value string }
					Queries       []struct{ Name, Query string }
				} `yaml:"tracesToMetrics"`
			} `yaml:"jsonData"`
		}
	}
	if err := yaml.Unmarshal([]byte(dataSources), &file); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, source := range file.Datasources {
		links := source.JSONData.TracesToMetrics
		if source.Type != "tempo" {
			continue
		}
		if links.DatasourceUID != SourceUID {
			t.Errorf("they lead to %q", links.DatasourceUID)
		}
		var all []string
		for _, tag := range links.Tags {
			all = append(all, tag.Value+`="x"`)
		}
		// With all of the tags, and for a span that has none.
		for _, tags := range []string{strings.Join(all, ", "), ""} {
			for _, q := range links.Queries {
				// A dollar sign is doubled in the file.
				if strings.Contains(strings.ReplaceAll(q.Query, "$$", ""), "$") {
					t.Errorf("%s: Grafana takes a variable of the query for one of the environment: %s", q.Name, q.Query)
				}
				expr := strings.NewReplacer("$$__tags", tags, "$$__rate_interval", "1m").Replace(q.Query)
				if _, err := query.Builtin().Check(expr); err != nil {
					t.Errorf("%s: %v", q.Name, err)
				}
				checked++
			}
		}
	}
	if checked != 6 {
		t.Errorf("%d queries were checked, want 3 twice", checked)
	}
}
