package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/stack"
)

var update = flag.Bool("update", false, "write what doctor prints to testdata instead of comparing with it")

// compareGolden compares text with the file in testdata.
func compareGolden(t *testing.T, name, text string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s; if it is meant to change, run go test ./cmd/packetscope -update (-want +got):\n%s", path, diff)
	}
}

func TestDoctorPrintsWhatThereIs(t *testing.T) {
	for file, args := range map[string][]string{
		"doctor.txt":  {"doctor"},
		"doctor.json": {"doctor", "--json"},
	} {
		w := newWorld(args...)
		if err := run(context.Background(), w.env); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		compareGolden(t, file, w.stdout.String())
		if w.engine.closed != 1 {
			t.Errorf("%s: engine closed %d times, want once", file, w.engine.closed)
		}
		if got := w.stderr.String(); got != "" {
			t.Errorf("%s: standard error: %s", file, got)
		}
	}
}

func TestDoctorFailsOnlyIfNothingCanRun(t *testing.T) {
	w := newWorld("doctor")
	w.openErr = fmt.Errorf("%w: %w", stack.ErrNothingAttached, errors.New("EPERM"))
	w.env.host = fakeHost()
	err := run(context.Background(), w.env)
	want := "attach probes: no privilege: CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN missing " +
		"(run as root, or: setcap cap_bpf,cap_perfmon,cap_net_admin+ep on the program)"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	compareGolden(t, "doctor_unprivileged.txt", w.stdout.String())
}

func TestDoctorOpensTheEngineAsConfigured(t *testing.T) {
	w := newWorld("doctor", "--config.file="+writeConfig(t, "stack: {scope: own, hooks: {link_receive: kprobe}}"))
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	want := stack.Config{SampleEvery: stack.DefaultSampleEvery, OwnNamespaceOnly: true, Hooks: map[string]stack.HookFamily{"link_receive": stack.Kprobe}}
	if diff := cmp.Diff(&want, w.opened); diff != "" {
		t.Errorf("config of the engine (-want +got):\n%s", diff)
	}
}

func TestDoctorReportsABadConfig(t *testing.T) {
	w := newWorld("doctor", "--config.file="+writeConfig(t, badConfig))
	err := run(context.Background(), w.env)
	if diff := cmp.Diff(badConfigFaults, withoutFolder(err)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestDiagnosisSurvivesJSON(t *testing.T) {
	w := newWorld("doctor", "--json")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	var got diagnosis
	if err := json.Unmarshal([]byte(w.stdout.String()), &got); err != nil {
		t.Fatal(err)
	}
	want, err := diagnose(w.env, stack.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("diagnosis (-want +got):\n%s", diff)
	}
}
