//go:build kernel && linux

package guarder

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/capture"
)

const sampledPolicy = `version: 1
defaults: {sample: {rate: 20/s, snap: 30}}
unparsable: {action: drop, mode: enforce}
groups:
- name: tests
  stage: policy
  priority: 100
  rules:
  - {rule: web, match: {proto: tcp, dst_port: 80}, action: pass, mode: enforce, sample: {rate: 0/s}}
  - {rule: watch, match: {proto: tcp}, action: sample, sample: {snap: 2000}}
  - {rule: telnet, match: {proto: tcp, dst_port: 23}, action: drop, mode: enforce}
  - {rule: high, match: {proto: udp, dst_port: 1024-65535}, action: drop, mode: audit}
`

// TestSamplesReachTheCapture has packets copied, also while no agent runs.
func TestSamplesReachTheCapture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "guard.pcapng")
	p := newPost(t, sampledPolicy, func(c *Config) {
		c.Samples = SampleConfig{MaxRate: 1000, File: file, FileBytes: 1e6, Files: 2}
	})
	begin := time.Now()
	telnet, web, high := frame(false, tcp(23)).Bytes(), frame(false, tcp(80)).Bytes(), frame(true, udp(5000)).Bytes()
	send(t, p.left, 1, web)
	send(t, p.left, 1, telnet)
	send(t, p.right, 1, high)
	send(t, p.right, 1, telnet[:25])
	place := func(line string) string { return p.config.Paths[0] + ":" + line + ":5" }
	want := []Sample{
		{Device: "router0", Group: "tests", Rule: "watch", Place: place("10"), Effect: "sample", Verdict: "drop", Length: len(telnet), Frame: telnet,
			Text: "tcp 198.18.1.2:40000 > 198.18.2.2:23 flags=syn len=40"},
		{Device: "router0", Group: "tests", Rule: "telnet", Place: place("11"), Effect: "drop", Verdict: "drop", Length: len(telnet), Frame: telnet[:30],
			Text: "frame ethertype=0x0800"},
		{Device: "router1", Group: "tests", Rule: "high", Place: place("12"), Effect: "would_drop", Verdict: "pass", Length: len(high), Frame: high[:30],
			Text: "frame ethertype=0x86dd"},
		{Device: "router1", Effect: "drop", Verdict: "drop", Reason: "truncated", Length: 25, Frame: telnet[:25],
			Text: "frame ethertype=0x0800 reason=truncated"},
	}
	got := p.samples(t, len(want))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Sample{}, "Time")); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	for _, s := range got {
		if s.Time.Before(begin.Add(-time.Second)) || s.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("a sample of %v, sent at %v", s.Time, begin)
		}
	}
	// The file can be read while the agent runs.
	var inFile []capture.Record
	for i, s := range want {
		inFile = append(inFile, capture.Record{Time: got[i].Time.UTC(), Frame: s.Frame, Length: s.Length, Interface: s.Device, Comment: s.Comment(), Verdict: map[string]uint64{"drop": 1, "pass": 2}[s.Verdict]})
	}
	if diff := cmp.Diff(inFile, captured(t, file)); diff != "" {
		t.Errorf("capture (-want +got):\n%s", diff)
	}
	if want := "would_drop by tests/high (" + place("12") + "); verdict pass"; inFile[2].Comment != want {
		t.Errorf("comment %q, want %q", inFile[2].Comment, want)
	}
	// What came while no agent ran is read by the next one.
	p.Close()
	send(t, p.left, 1, telnet)
	p.open(t)
	got = p.samples(t, 2)
	if got[0].Rule != "watch" || got[1].Rule != "telnet" || !bytes.Equal(got[0].Frame, telnet) {
		t.Errorf("of the time without an agent: %+v", got)
	}
	if s, err := p.Status(); err != nil || s.Samples != (SampleStatus{6, 0}) || s.Rules[1].Counts["sample"].Packets != 2 {
		t.Errorf("status %+v of %+v, %v", s.Samples, s.Rules[1], err)
	}
	if n, before := len(captured(t, file)), len(captured(t, strings.TrimSuffix(file, ".pcapng")+".1.pcapng")); n != 2 || before != 4 {
		t.Errorf("%d frames in the new file, %d in the one before", n, before)
	}
}

// samples returns the samples once there are so many.
func (p *post) samples(t *testing.T, n int) (all []Sample) {
	t.Helper()
	until(t, func() bool {
		all = p.sampler.newest()
		return len(all) >= n
	})
	return all
}

func captured(t *testing.T, file string) (all []capture.Record) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, record)
	}
}
