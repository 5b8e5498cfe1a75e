package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/packetscope/packetscope/internal/tracer"
)

// traceReceiver is a receiver of OpenTelemetry traces that tells what it gets.
func traceReceiver(t *testing.T) (url string, got chan *trace.ResourceSpans) {
	t.Helper()
	got = make(chan *trace.ResourceSpans, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(unpacked)
		var message collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &message)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		for _, of := range message.ResourceSpans {
			got <- of
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// aDrop is a packet that was dropped when all was attached.
var aDrop = tracer.Event{
	Packet: tracer.Identity{First: 1 << 62}, Time: 1 << 62, Hook: "kfree_skb", Reason: "NO_SOCKET", Device: "eth0", Stack: []string{"udp_rcv", "sk_skb_reason_drop"},
}

func TestServeTellsOfSampledPackets(t *testing.T) {
	url, got := traceReceiver(t)
	w := newWorld("--tracing.otlp-endpoint="+url, "--tracing.packets-per-minute=2", "--tracing.filter=udp")
	var opened tracer.Config
	w.env.openTracer = func(c tracer.Config) (traceSession, error) {
		opened = c
		return &fakeTrace{events: []tracer.Event{aDrop}}, nil
	}
	s := w.startReady(t)
	select {
	case of := <-got:
		var resource []string
		for _, a := range of.Resource.Attributes {
			resource = append(resource, a.Key)
		}
		for _, key := range []string{"service.name", "host.name", "os.version"} {
			if !slices.Contains(resource, key) {
				t.Errorf("the resource has no %s among %q", key, resource)
			}
		}
		if root := of.ScopeSpans[0].Spans[0]; root.Status.GetMessage() != "dropped in udp_rcv: NO_SOCKET" {
			t.Errorf("told %v", root)
		}
	case <-time.After(patience):
		t.Fatalf("nobody was told\n%s", w.stderr)
	}
	if opened.Every != 500*time.Millisecond || opened.Filter == nil || opened.Filter.String() != "udp" {
		t.Errorf("sampled by %+v", opened)
	}
	for _, capability := range tracingNeeds {
		if !slices.Contains(w.kept, capability) {
			t.Errorf("%s is given up: kept %q", capability, w.kept)
		}
	}
	want := []string{
		`packetscope_tracing_packets_total{outcome="dropped"} 0`,
		`packetscope_tracing_packets_total{outcome="failed"} 0`,
		`packetscope_tracing_packets_total{outcome="sent"} 1`,
		`packetscope_tracing_queue_length 0`,
		`packetscope_tracing_rejected_spans_total 0`,
		`packetscope_tracing_samples_total{outcome="failed"} 0`,
		`packetscope_tracing_samples_total{outcome="taken"} 1`,
	}
	var metrics []string
	for deadline := time.Now().Add(patience); !slices.Equal(metrics, want) && time.Now().Before(deadline); {
		metrics = s.series(t, "/metrics", "packetscope_tracing_") // they are counted one after the other
	}
	if diff := cmp.Diff(want, metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsToldOfPacketsByDefault(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	w := newWorld()
	w.env.openTracer = func(tracer.Config) (traceSession, error) {
		t.Error("the Tracer is attached")
		return &fakeTrace{events: []tracer.Event{aDrop}}, nil
	}
	s := w.startReady(t)
	if got := s.series(t, "/metrics", "packetscope_tracing_"); got != nil {
		t.Errorf("metrics %q", got)
	}
	if slices.Contains(w.kept, "CAP_SYSLOG") {
		t.Errorf("kept %q", w.kept)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestBadTracingIsRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--tracing.otlp-endpoint=localhost:4318"}, "--tracing.otlp-endpoint: the OTLP endpoint is no URL of the form http://host:4318"},
		{[]string{"--tracing.otlp-endpoint=http://h", "--tracing.packets-per-minute=0"}, "--tracing.packets-per-minute must be from 1 to 100"},
		{[]string{"--tracing.otlp-endpoint=http://h", "--tracing.filter=upd"}, "--tracing.filter: "},
	} {
		w := newWorld(append([]string{"serve"}, c.args...)...)
		if err := run(t.Context(), w.env); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
	own := newWorld("--tracing.otlp-endpoint=http://127.0.0.1:1", "--tracing.filter=tcp or udp", "--config.file="+writeConfig(t, "stack: {scope: own}"))
	opened := make(chan string, 10)
	own.env.openTracer = func(c tracer.Config) (traceSession, error) {
		opened <- c.Filter.String()
		return &fakeTrace{}, nil
	}
	s := own.startReady(t)
	select {
	case got := <-opened:
		if !strings.HasPrefix(got, "netns ") || !strings.HasSuffix(got, " and (tcp or udp)") {
			t.Errorf("the exporter's namespace is not kept to: %s", got)
		}
	case <-time.After(patience):
		t.Error("nothing is sampled")
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}
