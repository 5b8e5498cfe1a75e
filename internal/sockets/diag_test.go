package sockets

import (
	"errors"
	"testing"

	"github.com/packetscope/packetscope/bpf"
)

func TestShortDiagMessagesAreErrors(t *testing.T) {
	var r bpf.SocketRecord
	if err := parseDiag(make([]byte, diagMessageSize-1), &r); !errors.Is(err, errShortDiag) {
		t.Errorf("error %v, want %v", err, errShortDiag)
	}
	if err := parseDiag(make([]byte, diagMessageSize), &r); err != nil {
		t.Errorf("message without attributes: %v", err)
	}
	whole := append(make([]byte, diagMessageSize), 64, 0, diagMemory, 0) // says 64 bytes, has 4
	if err := parseDiag(whole, &r); err == nil {
		t.Error("cut attribute: no error")
	}
}
