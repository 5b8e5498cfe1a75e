package main

import (
	"errors"
	"net/http"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reloadMetrics returns what a scrape tells about the last reload.
func (s *service) reloadMetrics(t *testing.T) []string {
	t.Helper()
	return s.series(t, "/metrics", "packetscope_config_")
}

var (
	reloadSucceeded = []string{
		"packetscope_config_last_reload_success_timestamp_seconds 1.7000000005e+09",
		"packetscope_config_last_reload_successful 1",
	}
	reloadFailed = []string{
		"packetscope_config_last_reload_success_timestamp_seconds 1.7000000005e+09",
		"packetscope_config_last_reload_successful 0",
	}
)

func TestReloadOverHTTP(t *testing.T) {
	path := writeConfig(t, "watches: [{name: one}]")
	w := newWorld("--config.file="+path, "--web.enable-lifecycle")
	s := w.startReady(t)
	for _, step := range []struct {
		claim, method, text string
		watchErr            error
		want                answer
		watches, metrics    []string
	}{
		{"GET does nothing", http.MethodGet, "watches: [{name: two}]", nil,
			answer{405, "use POST or PUT"}, nil, reloadSucceeded},
		{"POST applies the watches", http.MethodPost, "watches: [{name: two}, {name: three}]", nil,
			answer{200, "config reloaded"}, []string{"two", "three"}, reloadSucceeded},
		{"the old watches survive a bad file", http.MethodPost, "watches: [{name: 2}]", nil,
			answer{500, path + `:1:18: want text, not the number 2 (quote it: "2")`}, []string{"two", "three"}, reloadFailed},
		{"a setting of the probes is refused", http.MethodPost, "stack: {scope: own}\nwatches: [{name: four}]", nil,
			answer{500, "stack.scope changed: needs a restart"}, []string{"two", "three"}, reloadFailed},
		{"the engine may refuse", http.MethodPut, "watches: [{name: five}]", errors.New("no room"),
			answer{500, "set watches: no room"}, []string{"two", "three"}, reloadFailed},
		{"PUT ends the failure", http.MethodPut, "watches: [{name: five}]", nil,
			answer{200, "config reloaded"}, []string{"five"}, reloadSucceeded},
	} {
		rewriteConfig(t, path, step.text)
		w.engine.watchErr = step.watchErr
		if diff := cmp.Diff(step.want, s.ask(t, step.method, "/-/reload")); diff != "" {
			t.Errorf("%s: answer (-want +got):\n%s", step.claim, diff)
		}
		if diff := cmp.Diff(step.watches, w.engine.watchNames()); diff != "" {
			t.Errorf("%s: watches set (-want +got):\n%s", step.claim, diff)
		}
		if diff := cmp.Diff(step.metrics, s.reloadMetrics(t)); diff != "" {
			t.Errorf("%s: metrics (-want +got):\n%s", step.claim, diff)
		}
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestReloadOverHTTPIsOffByDefault(t *testing.T) {
	s := newWorld().startReady(t)
	want := answer{403, "reloading is off (start with --web.enable-lifecycle)"}
	if diff := cmp.Diff(want, s.ask(t, http.MethodPost, "/-/reload")); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestReloadOnHangup(t *testing.T) {
	path := writeConfig(t, "watches: [{name: one}]")
	w := newWorld("--config.file=" + path)
	s := w.startReady(t)

	rewriteConfig(t, path, "watches: [{name: two}]")
	w.hangups <- syscall.SIGHUP
	w.stderr.Wait(t, `msg="config reloaded" watches=1`, 1)
	if diff := cmp.Diff([]string{"two"}, w.engine.watchNames()); diff != "" {
		t.Errorf("watches set (-want +got):\n%s", diff)
	}

	rewriteConfig(t, path, badConfig)
	w.hangups <- syscall.SIGHUP
	w.stderr.Wait(t, `msg="config not reloaded, the old one stays" err=`, 2)
	if diff := cmp.Diff(reloadFailed, s.reloadMetrics(t)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"two"}, w.engine.watchNames()); diff != "" {
		t.Errorf("watches after a bad file (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestHangupWhileAttachingIsNotLost(t *testing.T) {
	path := writeConfig(t, "")
	w := newWorld("--config.file=" + path)
	w.hangups <- syscall.SIGHUP
	s := w.start(t)
	w.stderr.Wait(t, `msg="config reloaded"`, 1)
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
