package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/config"
)

// alerts is an Alertmanager.
type alerts []alertmanager.Alert

func (a alerts) Active(context.Context) ([]alertmanager.Alert, error) {
	if a == nil {
		return nil, errors.New("down")
	}
	return a, nil
}

func TestTheEngineLearnsOfAllActiveAlerts(t *testing.T) {
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	labels := map[string]string{"alertname": "X"}
	got, err := lister{alerts{{Fingerprint: "1", Labels: labels, StartsAt: began}, {Fingerprint: "2", Labels: labels, StartsAt: began, Muted: true}}}.Active(t.Context())
	want := []annotator.ActiveAlert{{Fingerprint: "1", Labels: labels, StartsAt: began}, {Fingerprint: "2", Labels: labels, StartsAt: began, Muted: true}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := (lister{alerts(nil)}).Active(t.Context()); got != nil || err == nil {
		t.Errorf("%v, %v of one that is down", got, err)
	}
}

func TestWithoutPermissionNoRuleIsProposed(t *testing.T) {
	cfg := config.Default()
	cfg.Links.Annotator = "https://annotator.example/"
	on := limits(cfg)
	if on.Suggest.MostSources == 0 || on.Suggest.Widest4 != 24 || on.EpisodeURL != "https://annotator.example/api/v1/episodes/" {
		t.Errorf("limits %+v", on)
	}
	cfg.Suggest.Enabled = false
	if off := limits(cfg); off.Suggest.MostSources != 0 {
		t.Errorf("limits %+v", off.Suggest)
	}
}
