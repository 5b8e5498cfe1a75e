//go:build linux

package servers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An Alertmanager is a running server.
type Alertmanager struct {
	*Process
	// Address is where it listens, for Prometheus.
	Address string
	program string
	args    []string
}

// StartAlertmanager starts a server with the configuration and returns when it is
// ready.
func StartAlertmanager(t testing.TB, tools Tools, config *AlertmanagerConfig) *Alertmanager {
	t.Helper()
	address, dir := FreeAddress(t), t.TempDir()
	v, err := VersionOf(t.Context(), tools.Alertmanager)
	if err != nil {
		t.Fatal(err)
	}
	config.For(v)
	text, err := config.Text()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "alertmanager.yml")
	write(t, file, text)
	a := &Alertmanager{Address: address, program: tools.Alertmanager, args: []string{
		"--config.file=" + file, "--storage.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address, "--cluster.listen-address=",
	}}
	a.Restart(t)
	return a
}

// Restart starts the server again, in the same place and with what it had kept, and
// returns when it is ready. It must not run.
func (a *Alertmanager) Restart(t testing.TB) {
	t.Helper()
	a.Process = startAlertmanager(t, a.program, a.args...)
	if err := a.Ready(t.Context(), "http://"+a.Address+"/-/ready"); err != nil {
		t.Fatal(err)
	}
}

// startAlertmanager lets Debian's program find its templates, whose path is built in,
// although it was not installed.
func startAlertmanager(t testing.TB, program string, args ...string) *Process {
	t.Helper()
	const templates = "prometheus/alertmanager/default.tmpl"
	share := filepath.Join(filepath.Dir(program), "../share")
	if exists(filepath.Join(share, templates)) && !exists(filepath.Join("/usr/share", templates)) {
		return startWithShare(t, share, program, args...)
	}
	return Start(t, program, args...)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A Push is an alert as Prometheus sends it.
type Push struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	EndsAt      time.Time         `json:"endsAt"`
}

// An ActiveAlert is one as the server has it.
type ActiveAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Fingerprint string            `json:"fingerprint"`
	StartsAt    time.Time         `json:"startsAt"`
	UpdatedAt   time.Time         `json:"updatedAt"`
}

// Active returns the alerts of a name that fire.
func (a *Alertmanager) Active(name string) ([]ActiveAlert, error) {
	answer, err := client.Get("http://" + a.Address + "/api/v2/alerts?filter=" + url.QueryEscape(`alertname="`+name+`"`))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for alerts: %s", answer.Status)
	}
	var alerts []ActiveAlert
	err = json.NewDecoder(answer.Body).Decode(&alerts)
	return alerts, err
}

// Push sends alerts, as Prometheus does.
func (a *Alertmanager) Push(alerts []Push) error {
	body, err := json.Marshal(alerts)
	if err != nil {
		return err
	}
	answer, err := client.Post("http://"+a.Address+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("push alerts: %s: %s", answer.Status, text)
	}
	return nil
}
