package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A grafana is a folder in which the script of the container runs, with a stand-in
// that tells which password Grafana would take.
type grafana struct {
	data, provisioning, home, run string
}

func newGrafana(t *testing.T) grafana {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	dir := t.TempDir()
	g := grafana{data: dir + "/data", provisioning: dir + "/provisioning", home: dir + "/overview.json", run: dir + "/run.sh"}
	for _, file := range []struct{ path, text string }{
		{g.provisioning + "/datasources/packetscope.yaml", ""},
		{g.provisioning + "/dashboards/packetscope.yaml", ""},
		{g.home, "{}"},
		{g.data + "/empty", ""},
		{g.run, "#!/bin/sh\n" +
			"echo \"takes ${GF_SECURITY_ADMIN_PASSWORD:-$(cat \"${GF_SECURITY_ADMIN_PASSWORD__FILE:-/dev/null}\")}.\"\n" +
			"echo \"also ${GRAFANA_ADMIN_PASSWORD:-nothing}\"; touch \"$GF_PATHS_DATA/grafana.db\"\n"},
	} {
		if err := os.MkdirAll(filepath.Dir(file.path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file.path, []byte(file.text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// start runs the script once and returns what it and the stand-in print.
func (g grafana) start(environment ...string) (string, error) {
	script := exec.Command("sh", filepath.Join(top, folder+"grafana.sh"))
	script.Env = append(environment, "PATH="+os.Getenv("PATH"), "GF_PATHS_DATA="+g.data, "GF_PATHS_PROVISIONING="+g.provisioning,
		"GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH="+g.home, "GRAFANA_RUN="+g.run)
	out, err := script.CombinedOutput()
	return string(out), err
}

var printed = regexp.MustCompile(`the password of the user admin is ([A-Za-z0-9_-]{24}) `)

// TestGrafanaMakesPassword starts twice, as over a restart.
func TestGrafanaMakesPassword(t *testing.T) {
	g := newGrafana(t)
	first, err := g.start()
	if err != nil {
		t.Fatalf("%v: %s", err, first)
	}
	found := printed.FindStringSubmatch(first)
	if found == nil || !strings.Contains(first, "takes "+found[1]+".") {
		t.Fatalf("no password is printed, or another one is used:\n%s", first)
	}
	if info, err := os.Stat(g.data + "/admin-password"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password is kept in a file of mode %v (%v), want 0600", info.Mode(), err)
	}
	second, err := g.start()
	if err != nil || printed.MatchString(second) || !strings.Contains(second, "takes "+found[1]+".") {
		t.Errorf("the second start prints the password, or uses another one (%v):\n%s", err, second)
	}
	other, err := newGrafana(t).start()
	if again := printed.FindStringSubmatch(other); err != nil || again == nil || again[1] == found[1] {
		t.Errorf("another Grafana gets the same password (%v):\n%s", err, other)
	}
}

func TestGrafanaTakesPassword(t *testing.T) {
	g := newGrafana(t)
	first, err := g.start("GRAFANA_ADMIN_PASSWORD=chosen")
	if err != nil || !strings.Contains(first, "takes chosen.") || !strings.Contains(first, "also nothing") || strings.Contains(first, "first start only") {
		t.Errorf("%v:\n%s", err, first)
	}
	if _, err := os.Stat(g.data + "/admin-password"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a password that was given is kept in a file (%v)", err)
	}
	later, err := g.start("GRAFANA_ADMIN_PASSWORD=changed")
	if err != nil || !strings.Contains(later, "counts at the first start only") {
		t.Errorf("%v: a change that does nothing is not mentioned:\n%s", err, later)
	}
	// The database has a password. One that is made up now would not be it.
	without, err := g.start()
	if err != nil || printed.MatchString(without) || !strings.Contains(without, "takes .") {
		t.Errorf("%v: a password is made up that does not count:\n%s", err, without)
	}
}

// TestGrafanaNamesWhatItCannotRead leaves out one mount after the other.
func TestGrafanaNamesWhatItCannotRead(t *testing.T) {
	for name, path := range map[string]func(grafana) string{
		"data source": func(g grafana) string { return g.provisioning + "/datasources/packetscope.yaml" },
		"provider":    func(g grafana) string { return g.provisioning + "/dashboards/packetscope.yaml" },
		"dashboard":   func(g grafana) string { return g.home },
		"data":        func(g grafana) string { return g.data },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGrafana(t)
			if err := os.RemoveAll(path(g)); err != nil {
				t.Fatal(err)
			}
			out, err := g.start()
			if err == nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, path(g)) {
				t.Errorf("%v, want one line that names %s:\n%s", err, path(g), out)
			}
		})
	}
}
