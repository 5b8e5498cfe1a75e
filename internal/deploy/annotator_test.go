package deploy

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/config"
)

const (
	annotatorExample = folder + "annotator.yaml"
	annotatorReadme  = "cmd/packetscope-annotator/README.md"
	// secrets is the folder of the annotator's secrets in its container.
	secrets = "/run/secrets/annotator"
)

// TestAnnotatorIsToldWhoIsThere holds the example against the other services: it asks those
// that compose.yaml starts, at the addresses where they listen.
func TestAnnotatorIsToldWhoIsThere(t *testing.T) {
	cfg := parseAnnotator(t, read(t, annotatorExample))
	services := load(t).Services
	listens := func(name string) string {
		if address := services[name].Environment["GF_SERVER_HTTP_ADDR"]; address != nil {
			return "http://" + *address + ":" + *services[name].Environment["GF_SERVER_HTTP_PORT"]
		}
		for _, argument := range services[name].Command {
			if address, ok := strings.CutPrefix(argument, "--web.listen-address="); ok {
				return "http://" + address
			}
		}
		return ""
	}
	want := map[string]string{"prometheus": listens("prometheus"), "alertmanager": listens("alertmanager"), "grafana": listens("grafana")}
	got := map[string]string{"prometheus": cfg.Prometheus.URL, "alertmanager": cfg.Alertmanager.URL, "grafana": cfg.Grafana.URL}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("whom it asks (-want +got):\n%s", diff)
	}
	if len(cfg.Model.Providers) > 0 {
		t.Errorf("a model is asked although nobody said so: %+v", cfg.Model.Providers)
	}
	scopes := map[string][]access.Scope{}
	for _, token := range cfg.Tokens {
		scopes[token.Name] = token.Scopes
	}
	if diff := cmp.Diff(map[string][]access.Scope{"alertmanager": {access.Ingest}, "operator": {access.Read, access.Approve}}, scopes); diff != "" {
		t.Errorf("who may do what (-want +got):\n%s", diff)
	}
}

// TestAnnotatorAsksTheModelOfTheExample takes the marks of comments away as its reader is
// told to.
func TestAnnotatorAsksTheModelOfTheExample(t *testing.T) {
	text := regexp.MustCompile(`(?m)^# (llm:|exporters:|  )`).ReplaceAllString(read(t, annotatorExample), "$1")
	cfg := parseAnnotator(t, text)
	if len(cfg.Model.Providers) != 1 || cfg.Values {
		t.Errorf("models are %+v, with values: %v", cfg.Model.Providers, cfg.Values)
	}
	// Prometheus gives the only host of compose.yaml this name.
	if len(cfg.Exporters) != 1 || cfg.Exporters[0].Instance != "localhost" || cfg.Exporters[0].URL != "http://127.0.0.1:10142" {
		t.Errorf("exporters are %+v", cfg.Exporters)
	}
}

// TestComposeAnnotatorHasLittle claims that the annotator has a volume for its store, files
// that it can only read, and no user whom the files of others belong to.
func TestComposeAnnotatorHasLittle(t *testing.T) {
	service := load(t).Services["annotator"]
	writable := []string{}
	for _, v := range service.Volumes {
		if !v.ReadOnly {
			writable = append(writable, v.Type+" "+v.Target)
		}
	}
	want := []string{types.VolumeTypeVolume + " " + path.Dir(config.DefaultStore)}
	if diff := cmp.Diff(want, writable); diff != "" {
		t.Errorf("what it may write to (-want +got):\n%s", diff)
	}
	if !slices.Contains(service.Command, "--config.file=/etc/packetscope-annotator/annotator.yaml") {
		t.Errorf("it runs %q, without the example", service.Command)
	}
	if len(service.CapAdd) > 0 || service.User != "" || service.Pid != "" {
		t.Errorf("capabilities %q, user %q, processes of %q", service.CapAdd, service.User, service.Pid)
	}
	_, stage, _ := strings.Cut(read(t, folder+"Dockerfile"), "FROM scratch AS "+service.Build.Target+"\n")
	stage, _, _ = strings.Cut(stage, "\nFROM ")
	for _, line := range []string{"USER 65534:65534", "COPY --from=build --chown=65534:65534 /state " + path.Dir(config.DefaultStore)} {
		if !strings.Contains(stage, "\n"+line+"\n") {
			t.Errorf("the image does not have %q", line)
		}
	}
	// What the example names is made as the page says, and goes neither into git nor into
	// an image.
	page := read(t, annotatorReadme)
	for _, name := range regexp.MustCompile(secrets+`/([a-z0-9.-]+)`).FindAllStringSubmatch(read(t, annotatorExample), -1) {
		if !strings.Contains(page, "secrets/annotator/"+name[1]) {
			t.Errorf("%s does not say how %s is made", annotatorReadme, name[1])
		}
	}
	for file, line := range map[string]string{".gitignore": "/secrets/", ".dockerignore": "secrets"} {
		if !slices.Contains(strings.Split(read(t, file), "\n"), line) {
			t.Errorf("%s does not have %s", file, line)
		}
	}
}

func parseAnnotator(t *testing.T, text string) config.Config {
	t.Helper()
	cfg, err := config.Parse(filepath.Base(annotatorExample), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Prometheus == nil || cfg.Alertmanager == nil || cfg.Grafana == nil {
		t.Fatalf("it asks not everybody: %+v", cfg)
	}
	return cfg
}
