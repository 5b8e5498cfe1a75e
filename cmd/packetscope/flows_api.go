package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/stack"
)

// flowsAPI answers /api/v1/flows with what the verb flows prints with --json.
type flowsAPI struct {
	probes  *probes
	enabled bool
	owners  func([]owner.Socket) []owner.Owner

	mu       sync.Mutex
	reporter *flowReporter
}

// ServeHTTP takes the parameters sort and top, and remote, which may be there several times.
func (a *flowsAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.enabled {
		http.Error(w, "the API of flows is off (set flows.api in the config)", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	query, err := parseFlowQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	report, err := a.report(query)
	switch {
	case errors.Is(err, errNotReady), errors.Is(err, stack.ErrNoFlows):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(report) // whoever asked has gone
}

func (a *flowsAPI) report(query flowQuery) (flowReport, error) {
	if !a.probes.ready() {
		return flowReport{}, errNotReady
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reporter == nil {
		a.reporter = &flowReporter{read: a.probes.engine.Flows, owners: a.owners, last: a.probes.since}
	}
	return a.reporter.report(query)
}

func parseFlowQuery(values url.Values) (flowQuery, error) {
	q := flowQuery{order: stack.ByBytes, top: 20}
	if name := values.Get("sort"); name != "" {
		i := slices.Index(stack.FlowOrders, name)
		if i < 0 {
			return q, fmt.Errorf("unknown order %q (one of %s)", name, strings.Join(stack.FlowOrders, ", "))
		}
		q.order = stack.FlowOrder(i)
	}
	if text := values.Get("top"); text != "" {
		top, err := strconv.Atoi(text)
		if err != nil || top < 1 {
			return q, fmt.Errorf("bad top %q: want a number from 1", text)
		}
		q.top = top
	}
	for _, text := range values["remote"] {
		prefix, err := parsePrefix(text)
		if err != nil {
			return q, fmt.Errorf("bad remote %q: want an address or a prefix", text)
		}
		q.remotes = append(q.remotes, prefix)
	}
	return q, nil
}

// parsePrefix reads a prefix, or an address as the prefix that it alone is in.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
