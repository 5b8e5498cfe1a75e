package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/tracer"
)

func TestTraceTellsAReceiver(t *testing.T) {
	url, got := traceReceiver(t)
	w, _ := newTraceWorld(&fakeTrace{events: []tracer.Event{aDropNow()}}, "--count=1", "--otlp="+url)
	if err := run(t.Context(), w.env); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d messages came", len(got))
	}
	if root := (<-got).ScopeSpans[0].Spans[0]; root.Status.GetMessage() != "dropped in udp_rcv: NO_SOCKET" {
		t.Errorf("told %v", root)
	}
	if said := w.stderr.String(); !strings.Contains(said, "told of 1 packets to "+url+"/v1/traces, 0 spans were refused") {
		t.Errorf("it says %q", said)
	}
}

// TestTraceSaysWhatWasNotTold has a receiver that refuses all.
func TestTraceSaysWhatWasNotTold(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	w, _ := newTraceWorld(&fakeTrace{events: []tracer.Event{aDropNow()}}, "--count=1", "--otlp="+server.URL)
	err := run(t.Context(), w.env)
	if err == nil || !strings.Contains(err.Error(), "1 of 1 packets could not be told to "+server.URL) || !strings.Contains(w.stderr.String(), "receivers take traces at /v1/traces") {
		t.Errorf("%v, and the log is\n%s", err, w.stderr)
	}
	// What was seen is shown nevertheless.
	if out := w.stdout.String(); !strings.Contains(out, "NO_SOCKET") {
		t.Errorf("it shows\n%s", out)
	}
	w, _ = newTraceWorld(&fakeTrace{}, "--count=1", "--otlp=localhost:4318")
	if err := run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), "--otlp: the OTLP endpoint is no URL of the form http://host:4318") {
		t.Error(err)
	}
}

// aDropNow is one at the beginning of the clock, so that it has ended soon.
func aDropNow() tracer.Event {
	e := aDrop
	e.Time, e.Packet.First = 5, 5
	return e
}
