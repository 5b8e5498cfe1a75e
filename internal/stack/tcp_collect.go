package stack

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
)

// TCP reads how TCP fared; it is empty if the group of its probes is disabled. It
// enters the network namespaces of the host if the privilege is there: see
// [Engine.NeedsAfterAttach].
func (e *Engine) TCP() (TCP, error) {
	if e.tcp == nil {
		return TCP{}, nil
	}
	t := TCP{
		RoundTrips:      make(map[string]Histogram),
		ZeroWindows:     make(map[string]uint64),
		ZeroWindowTimes: make(map[string]Histogram),
		Congestion:      make(map[string]uint64),
		DuplicateAcks:   make(map[string]uint64),
		BadChecksums:    make(map[string]uint64),
	}
	counts, err := e.tcpCounts()
	if err != nil {
		return TCP{}, err
	}
	for entry := range bpf.TCPCounts {
		t.addCount(entry, counts[entry], e.tcp.reasons, e.isAttached)
	}
	if err := e.tcpDurations(&t); err != nil {
		return TCP{}, err
	}
	e.tcp.readNamespaces(&t)
	return t, nil
}

// isAttached reports whether the named probe delivers.
func (e *Engine) isAttached(probe string) bool {
	for _, x := range e.fixtures {
		if x.name == probe {
			return x.attached
		}
	}
	return false
}

func (e *Engine) tcpCounts() (map[int]uint64, error) {
	sums := make(map[int]uint64)
	return sums, sumArrayIfAny(e.objects.maps["tcp_counts"], func(i int, n *uint64) { sums[i] += *n })
}

func (e *Engine) tcpDurations(t *TCP) error {
	b := builder{bootTime: bootTime(), waits: make(map[waitPlace]*Histogram)}
	err := sumArrayIfAny(e.objects.maps["tcp_durations"], func(i int, l *bpf.Latency) { b.addLatency(i, "", l) })
	for entry := range bpf.TCPDurations {
		if h := b.waits[waitPlace{entry, ""}]; h != nil {
			t.addDurations(entry, *h)
		}
	}
	return err
}

// sumArrayIfAny is sumArray for a map that is there only if a program that uses it
// could be loaded.
func sumArrayIfAny[V comparable](m *ebpf.Map, add func(int, *V)) error {
	if m == nil {
		return nil
	}
	return sumArray(m, add)
}

// addCount puts one entry of the map tcp_counts where it belongs.
func (t *TCP) addCount(entry int, n uint64, reasons map[int]string, attached func(probe string) bool) {
	part := func(begin int) int { return entry - begin }
	listed := func(probe string) bool { return n > 0 || attached(probe) }
	switch {
	case entry < bpf.TCPCountResetSent:
		i := part(bpf.TCPCountRetransmit)
		kind := retransmitNames[i%bpf.Retransmits]
		probe := "tcp_retransmit"
		if kind == "synack" {
			probe = "tcp_synack"
		}
		if listed(probe) && (n > 0 || kind != "other") {
			t.Retransmits = append(t.Retransmits, Retransmit{tcpFamilies[i/bpf.Retransmits], kind, n})
		}
	case entry < bpf.TCPCountResetReceived:
		i := part(bpf.TCPCountResetSent)
		if n > 0 {
			t.Resets = append(t.Resets, Reset{
				tcpFamilies[i/bpf.ResetReasons], Transmit, resetReason(reasons, i%bpf.ResetReasons), n,
			})
		}
	case entry < bpf.TCPCountZeroWindow:
		if listed("tcp_reset_received") {
			t.Resets = append(t.Resets, Reset{tcpFamilies[part(bpf.TCPCountResetReceived)], Receive, "", n})
		}
	case entry < bpf.TCPCountCongestion:
		if listed("tcp_segment") {
			t.ZeroWindows[sideNames[part(bpf.TCPCountZeroWindow)]] = n
		}
	case entry < bpf.TCPCountDuplicateAck:
		if listed("tcp_congestion") {
			t.Congestion[congestionStates[part(bpf.TCPCountCongestion)]] = n
		}
	case entry < bpf.TCPCountBadChecksum:
		if listed("tcp_segment") {
			t.DuplicateAcks[tcpFamilies[part(bpf.TCPCountDuplicateAck)]] = n
		}
	default:
		if listed("tcp_checksum") {
			t.BadChecksums[tcpFamilies[part(bpf.TCPCountBadChecksum)]] = n
		}
	}
}

// resetReason names a reason for a reset; "" if the kernel has none.
func resetReason(reasons map[int]string, i int) string {
	switch name := reasons[i]; {
	case name != "" || len(reasons) == 0:
		return name
	case i == bpf.ResetReasons-1:
		return "other" // this one and all that there is no room for
	default:
		return fmt.Sprint("reason_", i)
	}
}

// addDurations puts one entry of the map tcp_durations where it belongs.
func (t *TCP) addDurations(entry int, h Histogram) {
	switch {
	case entry < bpf.TCPDurationConnect:
		t.RoundTrips[tcpFamilies[entry-bpf.TCPDurationRTT]] = h
	case entry < bpf.TCPDurationZeroWindow:
		i := entry - bpf.TCPDurationConnect
		result, i := i%bpf.Results, i/bpf.Results
		t.Connects = append(t.Connects, Connect{tcpFamilies[i/bpf.Roles], roleNames[i%bpf.Roles], resultNames[result], h})
	default:
		t.ZeroWindowTimes[sideNames[entry-bpf.TCPDurationZeroWindow]] = h
	}
}
