package sockets

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSocketsInUseAreAddedUp(t *testing.T) {
	inUse, known := make(map[Protocol]uint64), make(map[Protocol]bool)
	addInUse("sockets: used 12\nTCP: inuse 1 orphan 100 tw 3 alloc 100 mem 100\nUDP: inuse 2 mem 68\nUDPLITE: inuse 100\nRAW: inuse 100\nFRAG: inuse 100 memory 100\n", inUse, known)
	addInUse("TCP6: inuse 5\nUDP6: inuse 0\nUDPLITE6: inuse 100\n\n", inUse, known)
	if diff := cmp.Diff(map[Protocol]uint64{TCP: 9, UDP: 2}, inUse); diff != "" {
		t.Errorf("in use (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeToldIsTakenToBeThere(t *testing.T) {
	inUse, known := make(map[Protocol]uint64), make(map[Protocol]bool)
	addInUse("TCP: used 0\nUDP: inuse many\n", inUse, known)
	if known[TCP] || inUse[UDP] == 0 {
		t.Errorf("known %v, in use %v", known, inUse)
	}
}
