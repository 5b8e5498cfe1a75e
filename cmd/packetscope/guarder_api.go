package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/guarder"
)

// guarderAPI answers /api/v1/guarder/top with whom the rules of Guarder hit. It only reads.
type guarderAPI struct {
	agent   collector.GuarderReader // nil if none is named
	enabled bool
	now     func() time.Time
	// wait returns false if ctx ended first.
	wait func(ctx context.Context, d time.Duration) bool
	// places are for those who ask at the same time, each of whom has the agent read its
	// table twice.
	places chan struct{}
}

// mostAsking is how many may ask at the same time.
const mostAsking = 4

func newGuarderAPI(agent collector.GuarderReader, enabled bool, now func() time.Time) *guarderAPI {
	return &guarderAPI{agent: agent, enabled: enabled, now: now, wait: wait, places: make(chan struct{}, mostAsking)}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ServeHTTP takes the parameters top and interval.
func (a *guarderAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.enabled {
		http.Error(w, "the API of Guarder is off (set guarder.api in the config)", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	query, err := parseGuarderQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	report, err := a.report(r.Context(), query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(report) // whoever asked has gone
}

// A guarderQuery is what to report: how many sources, and over which time their rates are.
type guarderQuery struct {
	top      int
	interval time.Duration
}

// The most sources that are told, and the longest time that an answer may take.
const (
	mostTold        = 1000
	longestInterval = 5 * time.Second
)

func parseGuarderQuery(values url.Values) (guarderQuery, error) {
	q := guarderQuery{top: 20, interval: time.Second}
	if text := values.Get("top"); text != "" {
		top, err := strconv.Atoi(text)
		if err != nil || top < 1 || top > mostTold {
			return q, fmt.Errorf("bad top %q: want a number from 1 to %d", text, mostTold)
		}
		q.top = top
	}
	if text := values.Get("interval"); text != "" {
		interval, err := time.ParseDuration(text)
		if err != nil || interval < 0 || interval > longestInterval {
			return q, fmt.Errorf("bad interval %q: want a time from 0s to %v", text, longestInterval)
		}
		q.interval = interval
	}
	return q, nil
}

// report looks at the table of sources twice, or once if no rates are asked for.
func (a *guarderAPI) report(ctx context.Context, q guarderQuery) (guarderReport, error) {
	if a.agent == nil {
		return guarderReport{}, errors.New("no agent of Guarder is named (start the exporter with --guarder.socket)")
	}
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	default:
		return guarderReport{}, fmt.Errorf("%d others ask right now; try again", mostAsking)
	}
	var before guarder.HitList
	begin := a.now()
	if q.interval > 0 {
		var err error
		if before, err = a.hits(); err != nil {
			return guarderReport{}, err
		}
		if !a.wait(ctx, q.interval) {
			return guarderReport{}, ctx.Err()
		}
	}
	now, err := a.hits()
	if err != nil {
		return guarderReport{}, err
	}
	read := a.now()
	status, err := a.agent.Status()
	if err != nil {
		return guarderReport{}, err
	}
	report := guarderReport{Time: read.UTC(), Estimate: true, Dropped: status.Verdicts["drop"].Packets, WouldDrop: status.WouldDrop.Packets}
	if q.interval > 0 {
		report.Seconds = read.Sub(begin).Seconds()
	}
	report.fill(before, now, status.Rules, q.top)
	return report, nil
}

func (a *guarderAPI) hits() (guarder.HitList, error) {
	list, err := a.agent.Hits()
	if errors.Is(err, guarder.ErrNotTold) {
		err = fmt.Errorf("%w (start the agent with --status-hits)", err)
	}
	return list, err
}
