package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/ban"
)

// A bansReader tells who is banned.
type bansReader interface {
	Bans() (guarder.BanList, error)
}

// guarderBans answers /api/v1/guarder/bans with who is banned, as others may use it: a
// prefix a line, or with format=crowdsec as the decision stream of CrowdSec's local API,
// which says for how long. It only reads.
type guarderBans struct {
	agent   bansReader // nil if none is named
	enabled bool
	places  chan struct{} // as those of guarderAPI
}

func newGuarderBans(agent collector.GuarderReader, enabled bool) *guarderBans {
	reader, _ := agent.(bansReader)
	return &guarderBans{agent: reader, enabled: enabled, places: make(chan struct{}, mostAsking)}
}

// ServeHTTP takes the parameter format: netset or crowdsec.
func (b *guarderBans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !b.enabled {
		http.Error(w, "the list of bans of Guarder is off (set guarder.bans in the config)", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	write, kind := netset, "text/plain; charset=utf-8"
	switch format := r.URL.Query().Get("format"); format {
	case "", "netset":
	case "crowdsec":
		write, kind = decisions, "application/json"
	default:
		http.Error(w, fmt.Sprintf("bad format %q: want netset or crowdsec", format), http.StatusBadRequest)
		return
	}
	list, err := b.read()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(write(published(list))) // whoever asked may have gone
}

func (b *guarderBans) read() (guarder.BanList, error) {
	if b.agent == nil {
		return guarder.BanList{}, errors.New("no agent of Guarder is named (start the exporter with --guarder.socket)")
	}
	select {
	case b.places <- struct{}{}:
		defer func() { <-b.places }()
	default:
		return guarder.BanList{}, fmt.Errorf("%d others ask right now; try again", mostAsking)
	}
	list, err := b.agent.Bans()
	if errors.Is(err, guarder.ErrNotTold) {
		err = fmt.Errorf("%w (start the agent with --status-bans)", err)
	}
	return list, err
}

// published leaves out whom nobody drops, and those whom CrowdSec has banned, who are for
// it to tell others of.
func published(list guarder.BanList) []guarder.BanStatus {
	all := make([]guarder.BanStatus, 0, len(list.Bans))
	for _, b := range list.Bans {
		if !b.Audit && b.Origin != string(ban.CrowdSec) && b.Left > 0 {
			all = append(all, b)
		}
	}
	return all
}

// netset writes a prefix a line, and addresses as such.
func netset(bans []guarder.BanStatus) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# who is banned by PacketScope on this host: %d\n", len(bans))
	for _, b := range bans {
		if b.Prefix.IsSingleIP() {
			fmt.Fprintln(&text, b.Prefix.Addr())
		} else {
			fmt.Fprintln(&text, b.Prefix)
		}
	}
	return text.Bytes()
}

// A banDecision is one of CrowdSec's local API.
// https://crowdsecurity.github.io/api_doc/lapi/ (GetDecisionsStreamResponse)
type banDecision struct {
	Duration string `json:"duration"`
	Origin   string `json:"origin"`
	Scenario string `json:"scenario"`
	Scope    string `json:"scope"`
	Type     string `json:"type"`
	Value    string `json:"value"`
}

// decisions writes them as those that hold at the beginning of a stream.
func decisions(bans []guarder.BanStatus) []byte {
	stream := struct {
		New     []banDecision `json:"new"`
		Deleted []banDecision `json:"deleted"`
	}{New: []banDecision{}, Deleted: []banDecision{}}
	for _, b := range bans {
		d := banDecision{Duration: fmt.Sprintf("%.3fs", b.Left), Origin: "packetscope", Scenario: b.Reason, Scope: "Range", Type: "ban", Value: b.Prefix.String()}
		if d.Scenario == "" {
			d.Scenario = b.Origin
		}
		if b.Prefix.IsSingleIP() {
			d.Scope, d.Value = "Ip", b.Prefix.Addr().String()
		}
		stream.New = append(stream.New, d)
	}
	text, _ := json.Marshal(stream) // texts can be encoded
	return append(text, '\n')
}
