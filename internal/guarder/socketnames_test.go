package guarder

import (
	"testing"

	"github.com/packetscope/packetscope/bpf"
)

// TestSocketNamesAreThoseOfTheProgram compares the order with that of the C enum.
func TestSocketNamesAreThoseOfTheProgram(t *testing.T) {
	for socket, want := range map[bpf.GuardSocket]string{
		bpf.GuardSocketNone: "none", bpf.GuardSocketListen: "listen", bpf.GuardSocketSynSent: "syn_sent", bpf.GuardSocketSynRecv: "syn_recv",
		bpf.GuardSocketEstablished: "established", bpf.GuardSocketTimeWait: "time_wait", bpf.GuardSocketUnknown: "unknown",
	} {
		if got := SocketNames[socket]; got != want {
			t.Errorf("%d is %q, want %q", socket, got, want)
		}
	}
	if len(SocketNames) != int(bpf.GuardSockets) {
		t.Errorf("%d names of %d", len(SocketNames), bpf.GuardSockets)
	}
}
