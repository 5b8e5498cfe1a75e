//go:build kernel && linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/guarder/capture"
	"github.com/packetscope/packetscope/internal/guarder/workload"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// TestReplayByTheKernelSaysWhatTheInterpreterSays replays random packets, some of them
// damaged, by the ready-made policies.
func TestReplayByTheKernelSaysWhatTheInterpreterSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traffic.pcapng")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, "test")
	if err != nil {
		t.Fatal(err)
	}
	m := workload.New(42)
	for i := range 1000 {
		var frame []byte
		if rules := m.Rules(10); i%2 == 0 {
			match := m.Frame(&rules[i%10])
			frame = match.Bytes()
		} else {
			other := m.Background()
			frame = other.Bytes()
		}
		if i%7 == 0 {
			frame[14+i%20] ^= 1 << (i % 8)
		}
		if i%13 == 0 {
			frame = frame[:i%len(frame)]
		}
		if err := w.Write(capture.Record{Frame: frame, Interface: []string{"", "eth0", "eth1"}[i%3]}); err != nil {
			t.Fatal(err)
		}
	}
	// An emulated machine has no other files than testdata.
	ready := t.TempDir()
	if err := os.CopyFS(ready, policies.Files); err != nil {
		t.Fatal(err)
	}
	output := func(args ...string) (string, int) {
		w := newWorld(append([]string{"guard", "replay", "--pcap=" + file, "--policy=" + ready, "--against=" + filepath.Join(ready, "baseline.yaml")}, args...)...)
		w.env.rehearseGuarder = rehearseGuarder
		err := run(t.Context(), w.env)
		return strings.ReplaceAll(w.stdout.String(), "the interpreter, not by the kernel's program", "the kernel's program"), exitStatus(err)
	}
	byKernel, status := output()
	interpreted, again := output("--interpreter")
	if diff := cmp.Diff(interpreted, byKernel); diff != "" || status != again || len(byKernel) < 1000 {
		t.Fatalf("status %d, and %d by the interpreter, %d characters; (-interpreter +kernel):\n%s", status, again, len(byKernel), diff)
	}
	t.Log(byKernel[strings.LastIndex(byKernel, "\n\n"):])
}
