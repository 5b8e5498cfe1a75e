package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/guarder"
)

// agentAt serves the status of an agent, and returns how to end it.
func agentAt(t *testing.T, socket string, generation uint32) (end func()) {
	t.Helper()
	l, err := guarder.ListenAdmin(socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: guarder.AdminHandler(&fakeGuard{status: guarder.Status{Generation: generation}, hits: []guarder.Hit{{Rule: generation}}})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return func() { server.Close() }
}

func TestGuarderIsReadWhereThereIsOne(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "guard.sock"), filepath.Join(dir, "demo.sock")
	optional := guarderSource{[]string{first, second}, true}
	expected := guarderSource{[]string{first, second}, false}

	if _, err := optional.Status(); !errors.Is(err, collector.ErrNoGuarder) {
		t.Errorf("without an agent that nobody expects: %v", err)
	}
	if _, err := optional.Hits(); !errors.Is(err, collector.ErrNoGuarder) {
		t.Errorf("hits without an agent that nobody expects: %v", err)
	}
	if _, err := expected.Status(); errors.Is(err, collector.ErrNoGuarder) || !errors.Is(err, guarder.ErrNoAgent) {
		t.Errorf("without an agent that is expected: %v", err)
	}
	agentAt(t, second, 2)
	if s, err := optional.Status(); err != nil || s.Generation != 2 {
		t.Errorf("the second agent tells %d, %v", s.Generation, err)
	}
	end := agentAt(t, first, 1)
	if s, err := optional.Status(); err != nil || s.Generation != 1 {
		t.Errorf("the first agent tells %d, %v", s.Generation, err)
	}
	if list, err := optional.Hits(); err != nil || len(list.Hits) != 1 || list.Hits[0].Rule != 1 {
		t.Errorf("the first agent tells the hits %+v, %v", list, err)
	}
	end()
	for _, source := range []guarderSource{optional, expected} {
		if _, err := source.Status(); !errors.Is(err, guarder.ErrNoAgent) {
			t.Errorf("an agent that has ended: %v", err)
		}
	}
}
