package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

var passingSeconds = regexp.MustCompile(`(in |"duration_seconds": )[0-9.e-]+`)

func TestPathMapsOfTraces(t *testing.T) {
	for file, args := range map[string][]string{
		"trace_map.txt":     {"map", "--duration=50ms"},
		"trace_map_top.txt": {"map", "--duration=50ms", "--top=2"},
		"trace_map.dot":     {"map", "--duration=50ms", "--format=dot"},
		"trace_map.json":    {"map", "--duration=50ms", "--format=json", "tcp"},
	} {
		f := someTrace(t)
		f.counts.Lost = 2
		w, _ := newTraceWorld(f, args...)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		compareGolden(t, file, passingSeconds.ReplaceAllString(w.stdout.String(), "${1}0.1"))
		const lost = "2 of 7 events were lost, as they came faster than they could be read: a filter makes them fewer\n"
		if f.closed != 1 || w.stderr.String() != lost {
			t.Errorf("%s: closed %d times, stderr %q", file, f.closed, w.stderr.String())
		}
	}
}

func TestPathMapLooksAsLongAsIsWanted(t *testing.T) {
	w, _ := newTraceWorld(nil, "map", "--duration=50ms", "--format=json")
	w.openTracer = func(tracer.Config) (traceSession, error) {
		time.Sleep(100 * time.Millisecond)
		return someTrace(t), nil
	}
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if d, err := pathmap.ReadDocument(strings.NewReader(w.stdout.String())); err != nil || d.Seconds < 0.05 {
		t.Errorf("looked for %v s, %v", d.Seconds, err)
	}
}

func TestQuietPathMapSaysSo(t *testing.T) {
	w, _ := newTraceWorld(&fakeTrace{}, "map", "--duration=1ms")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if got := w.stdout.String(); !strings.HasPrefix(got, "no packets in ") {
		t.Errorf("got %q", got)
	}
}

func TestBadPathMapsAreRefused(t *testing.T) {
	dir := t.TempDir()
	bad, old := filepath.Join(dir, "bad.json"), filepath.Join(dir, "old.json")
	for path, text := range map[string]string{bad: "{\n  \"nodes\": 7\n}", old: "{}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, args := range map[string][]string{
		"bad.json: 2:": {"diff", bad, bad},
		"old.json: this is no path map of version 1": {"diff", old, old},
		"no such file":                       {"diff", filepath.Join(dir, "none"), old},
		"--duration must be more than 0":     {"map", "--duration=0s"},
		"required argument 'after' not prov": {"diff", old},
	} {
		w, _ := newTraceWorld(&fakeTrace{}, args...)
		if err := run(context.Background(), w.env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}

// writePathMap writes a map of one function beside others, and returns its path.
func writePathMap(t *testing.T, name string, nodes ...pathmap.NodeDocument) string {
	t.Helper()
	d := pathmap.Document{Version: pathmap.DocumentVersion, Kernel: "6.18.44", Seconds: 10, Packets: map[string]uint64{"tcp": 200}, Nodes: nodes}
	if name == "before.json" {
		d.Packets["udp"] = 3
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func nodeOf(function string, packets uint64, logMean float64) pathmap.NodeDocument {
	return pathmap.NodeDocument{
		Function: function, Direction: pathmap.Receive, Protocol: "tcp", Packets: packets,
		TimesDocument: pathmap.TimesDocument{Timed: packets, Seconds: 1e-5, LogMean: logMean, LogVariance: 0.25},
	}
}

func TestPathMapsAreCompared(t *testing.T) {
	before := writePathMap(t, "before.json", nodeOf("tcp_v4_rcv", 200, 7), nodeOf("ip_rcv", 200, 7), nodeOf("old_rcv", 5, 7), nodeOf("fast_rcv", 50, 7))
	after := writePathMap(t, "after.json", nodeOf("tcp_v4_rcv", 200, 7), nodeOf("ip_rcv", 200, 8), nodeOf("nft_do_chain", 180, 7), nodeOf("fast_rcv", 50, 6.75))
	for file, args := range map[string][]string{
		"trace_diff.txt":      {"diff", before, after},
		"trace_diff.json":     {"diff", "--json", before, after},
		"trace_diff_none.txt": {"diff", after, after},
	} {
		w, _ := newTraceWorld(&fakeTrace{}, args...)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		compareGolden(t, file, w.stdout.String())
	}
}

// TestPathMapIsComparedWithItself takes what one verb writes to the other.
func TestPathMapIsComparedWithItself(t *testing.T) {
	w, _ := newTraceWorld(someTrace(t), "map", "--duration=50ms", "--format=json")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if d, err := pathmap.ReadDocument(bytes.NewReader([]byte(w.stdout.String()))); err != nil || len(d.Nodes) == 0 {
		t.Fatalf("%v in %s", err, w.stdout)
	}
}
