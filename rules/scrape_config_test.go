package rules

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// The parts of Prometheus' configuration that our files use, so that a misspelt key
// is found without Prometheus, whose own package brings three clouds along.
type (
	prometheusFile struct {
		Global struct {
			ScrapeInterval     model.Duration    `yaml:"scrape_interval"`
			ScrapeTimeout      model.Duration    `yaml:"scrape_timeout"`
			EvaluationInterval model.Duration    `yaml:"evaluation_interval"`
			ExternalLabels     map[string]string `yaml:"external_labels"`
		} `yaml:"global"`
		RuleFiles []string `yaml:"rule_files"`
		Alerting  struct {
			Relabel       []relabel `yaml:"alert_relabel_configs"`
			Alertmanagers []struct {
				Static []targets `yaml:"static_configs"`
			} `yaml:"alertmanagers"`
		} `yaml:"alerting"`
		Scrape      []scrape      `yaml:"scrape_configs"`
		RemoteWrite []remoteWrite `yaml:"remote_write"`
	}
	scrape struct {
		JobName string       `yaml:"job_name"`
		Limits  scrapeLimits `yaml:",inline"`
		Static  []targets    `yaml:"static_configs"`
		Files   []struct {
			Files   []string       `yaml:"files"`
			Refresh model.Duration `yaml:"refresh_interval"`
		} `yaml:"file_sd_configs"`
		DNS []struct {
			Names   []string       `yaml:"names"`
			Type    string         `yaml:"type"`
			Refresh model.Duration `yaml:"refresh_interval"`
		} `yaml:"dns_sd_configs"`
		Kubernetes []struct {
			Role      string `yaml:"role"`
			Selectors []struct {
				Role  string `yaml:"role"`
				Label string `yaml:"label"`
			} `yaml:"selectors"`
		} `yaml:"kubernetes_sd_configs"`
		Relabel []relabel `yaml:"relabel_configs"`
	}
	// scrapeLimits are what every job named packetscope has in common.
	scrapeLimits struct {
		Native      bool   `yaml:"scrape_native_histograms"`
		Classic     bool   `yaml:"always_scrape_classic_histograms"`
		Samples     int    `yaml:"sample_limit"`
		Labels      int    `yaml:"label_limit"`
		LabelLength int    `yaml:"label_value_length_limit"`
		BodySize    string `yaml:"body_size_limit"`
	}
	targets struct {
		Targets []string          `yaml:"targets"`
		Labels  map[string]string `yaml:"labels"`
	}
	relabel struct {
		Sources     []string `yaml:"source_labels"`
		Action      string   `yaml:"action"`
		Regex       string   `yaml:"regex"`
		Modulus     int      `yaml:"modulus"`
		Target      string   `yaml:"target_label"`
		Replacement string   `yaml:"replacement"`
	}
	remoteWrite struct {
		Name          string            `yaml:"name"`
		URL           string            `yaml:"url"`
		Headers       map[string]string `yaml:"headers"`
		SendNative    bool              `yaml:"send_native_histograms"`
		SendExemplars bool              `yaml:"send_exemplars"`
		Queue         struct {
			MaxSamplesPerSend int            `yaml:"max_samples_per_send"`
			MaxShards         int            `yaml:"max_shards"`
			Capacity          int            `yaml:"capacity"`
			MinBackoff        model.Duration `yaml:"min_backoff"`
			MaxBackoff        model.Duration `yaml:"max_backoff"`
		} `yaml:"queue_config"`
		Relabel []relabel `yaml:"write_relabel_configs"`
	}
)

const mainFile = "prometheus/prometheus.yml"

// decodeStrictly refuses keys that the value does not have.
func decodeStrictly(text []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	return d.Decode(into)
}

// readPrometheus returns a file that Prometheus is to read, and reports its faults.
func readPrometheus(t *testing.T, name string) prometheusFile {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var p prometheusFile
	if err := decodeStrictly(text, &p); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, fault := range p.faults() {
		t.Errorf("%s: %s", name, fault)
	}
	return p
}

// faults returns what is wrong beyond the keys.
func (p prometheusFile) faults() (found []string) {
	check := func(rules []relabel) {
		for _, r := range rules {
			if _, err := regexp.Compile("^(?s:" + r.Regex + ")$"); err != nil {
				found = append(found, err.Error())
			}
			if action := r.Action; action == "" && r.Target == "" {
				found = append(found, fmt.Sprintf("relabelling of %v has no target", r.Sources))
			} else if action != "" && !slices.Contains([]string{"keep", "drop", "labeldrop", "hashmod"}, action) {
				found = append(found, fmt.Sprintf("relabelling has action %q", action))
			}
		}
	}
	check(p.Alerting.Relabel)
	for _, s := range p.Scrape {
		check(s.Relabel)
		if len(s.Static)+len(s.Files)+len(s.DNS)+len(s.Kubernetes) == 0 {
			found = append(found, fmt.Sprintf("job %q has no targets", s.JobName))
		}
	}
	for _, w := range p.RemoteWrite {
		check(w.Relabel)
	}
	return found
}

func fleetFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("prometheus/fleet/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples for fleets: %v", err)
	}
	return files
}

func TestPrometheusFilesAreValid(t *testing.T) {
	main := readPrometheus(t, mainFile)
	var jobs []string
	for _, s := range main.Scrape {
		jobs = append(jobs, s.JobName)
	}
	if diff := cmp.Diff([]string{"packetscope", "packetscope-annotator", "prometheus", "alertmanager"}, jobs); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	if interval := main.Global.ScrapeInterval; main.Global.ScrapeTimeout > interval || main.Global.EvaluationInterval != interval {
		t.Errorf("global times are %+v", main.Global)
	}
	for _, name := range fleetFiles(t) {
		readPrometheus(t, name)
	}
}

func TestFaultsOfPrometheusFilesAreFound(t *testing.T) {
	text, err := os.ReadFile("prometheus/fleet/file.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "sample_limit", "samples_limit", "yaml: unmarshal errors:\n  line 8: field samples_limit not found in type rules.scrape"},
		{"no duration", "5m", "often", `not a valid duration string: "often"`},
		{"no expression", `(.+):\d+`, `((.+):\d+`, "error parsing regexp: missing closing ): `^(?s:((.+):\\d+)$`"},
		{"no target label", "target_label: instance", "target_label: ''", "relabelling of [__address__] has no target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := strings.Replace(string(text), c.old, c.new, 1)
			var p prometheusFile
			err := decodeStrictly([]byte(damaged), &p)
			got := strings.Join(p.faults(), "\n")
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestTheAnnotatorIsScrapedWhole claims that its histograms come both ways, as those of
// exporters do, that its job has the name by which Alertmanager knows it, and that the
// target is in a file of its own: where no annotator is nothing may be refused.
func TestTheAnnotatorIsScrapedWhole(t *testing.T) {
	got := readPrometheus(t, mainFile).Scrape[1]
	want := scrapeLimits{Native: true, Classic: true, Samples: 5000, Labels: 32, LabelLength: 512, BodySize: "4MB"}
	if diff := cmp.Diff(want, got.Limits); diff != "" || got.JobName != "packetscope-annotator" {
		t.Errorf("job %q (-want +got):\n%s", got.JobName, diff)
	}
	if len(got.Static) > 0 || len(got.Files) != 1 || !slices.Equal(got.Files[0].Files, []string{"targets/annotator.yml"}) {
		t.Fatalf("targets are %v and in %v", got.Static, got.Files)
	}
	text, err := os.ReadFile("prometheus/targets/annotator.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file []targets
	if err := decodeStrictly(text, &file); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]targets{{Targets: []string{"127.0.0.1:10143"}, Labels: map[string]string{"instance": "localhost"}}}, file); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever file the job is taken from, its series are the same.
func TestFleetJobsAreAsTheMainOne(t *testing.T) {
	want := readPrometheus(t, mainFile).Scrape[0].Limits
	if !want.Native || !want.Classic || want.Samples == 0 {
		t.Errorf("main job has %+v", want)
	}
	for _, name := range fleetFiles(t) {
		for _, s := range readPrometheus(t, name).Scrape {
			if diff := cmp.Diff(want, s.Limits); diff != "" || s.JobName != "packetscope" {
				t.Errorf("%s: job %q differs (-main +file):\n%s", name, s.JobName, diff)
			}
			var labels []string
			for _, r := range s.Relabel {
				labels = append(labels, r.Target)
			}
			if !slices.Contains(labels, "instance") {
				t.Errorf("%s: instances keep the port", name)
			}
			if len(s.Files) == 0 && !slices.Contains(labels, "cluster") {
				t.Errorf("%s: targets have no cluster", name)
			}
		}
	}
}

// In a container the folder prometheus is /etc/prometheus/rules, and prometheus.yml
// is above it.
func TestReferencedFilesExist(t *testing.T) {
	for _, pattern := range readPrometheus(t, mainFile).RuleFiles {
		name, ok := strings.CutPrefix(pattern, "rules/")
		if !ok {
			t.Errorf("rule files %s are not in the folder rules", pattern)
		}
		for _, bad := range []string{"x_test.yaml", "prometheus.yml"} {
			if match, err := filepath.Match(name, bad); match || err != nil {
				t.Errorf("rule files %s match %s (%v)", pattern, bad, err)
			}
		}
		exists(t, filepath.Join("prometheus", name))
	}
	for _, name := range fleetFiles(t) {
		for _, s := range readPrometheus(t, name).Scrape {
			for _, sd := range s.Files {
				for _, pattern := range sd.Files {
					for _, file := range exists(t, filepath.Join(filepath.Dir(name), pattern)) {
						checkTargets(t, file)
					}
				}
			}
		}
	}
}

// checkTargets holds a file of targets against what rules and dashboards want.
func checkTargets(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []targets
	if err := decodeStrictly(text, &all); err != nil || len(all) == 0 {
		t.Fatalf("%s: %d entries, %v", name, len(all), err)
	}
	for _, entry := range all {
		if len(entry.Targets) == 0 || entry.Labels["cluster"] == "" {
			t.Errorf("%s: entry without targets or cluster: %+v", name, entry)
		}
	}
}

func exists(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Errorf("there is no file %s (%v)", pattern, err)
	}
	return files
}
