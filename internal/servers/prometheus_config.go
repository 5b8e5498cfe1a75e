package servers

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// A PrometheusConfig is a prometheus.yml on its way to a server of a test. What no
// method names stays as it is.
type PrometheusConfig struct{ d document }

// ReadPrometheus begins with a file: the one that we ship.
func ReadPrometheus(name string) (*PrometheusConfig, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return newPrometheusConfig(text)
}

func newPrometheusConfig(text []byte) (*PrometheusConfig, error) {
	d, err := decode(text)
	return &PrometheusConfig{d}, err
}

// For takes away the keys that the version does not know: before 3.8 there was a
// feature flag for native histograms instead, and with that but without the second
// key it dropped the classic ones.
func (c *PrometheusConfig) For(v Version) {
	if v.Before(3, 8) {
		without(c.d, "scrape_native_histograms", "always_scrape_classic_histograms")
	}
}

// Every sets the time between two scrapes, and between two evaluations.
func (c *PrometheusConfig) Every(scrape, evaluation time.Duration) {
	global := at(c.d, "global")
	global["scrape_interval"] = model.Duration(scrape).String()
	global["scrape_timeout"] = model.Duration(min(scrape, 10*time.Second)).String()
	global["evaluation_interval"] = model.Duration(evaluation).String()
}

// Target puts an address in the place of the targets of a job, whose labels stay.
func (c *PrometheusConfig) Target(job, address string) error {
	found := false
	each(c.d, "scrape_configs", func(s document) {
		if s["job_name"] == job {
			each(s, "static_configs", func(static document) {
				static["targets"], found = []string{address}, true
			})
		}
	})
	if !found {
		return fmt.Errorf("prometheus.yml has no job %q with static targets", job)
	}
	return nil
}

// Alertmanagers puts addresses, or none, in the place of the Alertmanagers.
func (c *PrometheusConfig) Alertmanagers(addresses ...string) {
	at(c.d, "alerting")["alertmanagers"] = []any{document{
		"static_configs": []any{document{"targets": addresses}},
	}}
}

// Merge takes over another file: its jobs in the place of those with the same names,
// and its other parts as they are. It does for old servers what scrape_config_files
// does since 2.43.
func (c *PrometheusConfig) Merge(file []byte) error {
	other, err := decode(file)
	if err != nil {
		return err
	}
	const jobs = "scrape_configs"
	replaced := map[any]bool{}
	each(other, jobs, func(s document) { replaced[s["job_name"]] = true })
	old, _ := c.d[jobs].([]any)
	old = slices.DeleteFunc(slices.Clone(old), func(job any) bool {
		s, _ := job.(document)
		return replaced[s["job_name"]]
	})
	more, _ := other[jobs].([]any)
	c.d[jobs] = append(old, more...)
	delete(other, jobs)
	for key, value := range other {
		if into, ok := value.(document); ok {
			maps.Copy(at(c.d, key), into)
		} else {
			c.d[key] = value
		}
	}
	return nil
}

// Text returns the file.
func (c *PrometheusConfig) Text() ([]byte, error) { return yaml.Marshal(c.d) }
