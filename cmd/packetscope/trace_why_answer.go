package main

import (
	"io"
	"strings"

	"github.com/packetscope/packetscope/internal/sockets"
)

// A whyAnswer is what trace why says, and the JSON of it. Fields may be added to it; none is
// renamed or removed.
type whyAnswer struct {
	Subject string  `json:"subject"`
	Seconds float64 `json:"seconds"`
	// Sent and Received count packets.
	Sent     int          `json:"sent_packets"`
	Received int          `json:"received_packets"`
	Lost     uint64       `json:"events_lost"`
	Findings []whyFinding `json:"findings"`
	// Before and After are of the kernel's TCP_INFO.
	Before *whyTCP `json:"tcp_info_before,omitempty"`
	After  *whyTCP `json:"tcp_info_after,omitempty"`
}

// A whyFinding is a sentence or two about one thing: "traffic", "stops", "slowest", "retransmits",
// "window", "queue", "round_trip", "complete" or "next".
type whyFinding struct {
	About string `json:"about"`
	// Trouble says that it is one.
	Trouble bool   `json:"trouble"`
	Text    string `json:"text"`
}

// A whyTCP is TCP_INFO; see [sockets.TCPInfo].
type whyTCP struct {
	State              string  `json:"state"`
	RTT                float64 `json:"rtt_seconds"`
	MinRTT             float64 `json:"min_rtt_seconds"`
	Retransmission     float64 `json:"retransmission_timeout_seconds"`
	Timeouts           int     `json:"timeouts"`
	Unacked            uint32  `json:"unacked_segments"`
	CongestionWindow   uint32  `json:"congestion_window_segments"`
	SegmentsOut        uint32  `json:"segments_out"`
	SegmentsIn         uint32  `json:"segments_in"`
	Retransmitted      uint32  `json:"retransmitted_segments"`
	BytesAcked         uint64  `json:"acked_bytes"`
	BytesReceived      uint64  `json:"received_bytes"`
	BytesRetransmitted uint64  `json:"retransmitted_bytes"`
	NotSent            uint32  `json:"unsent_bytes"`
	WindowLimited      float64 `json:"window_limited_seconds"`
	BufferLimited      float64 `json:"buffer_limited_seconds"`
	// The windows are absent if the kernel does not tell them.
	PeerWindow *uint32 `json:"peer_window_bytes,omitempty"`
	OwnWindow  *uint32 `json:"own_window_bytes,omitempty"`
}

func newWhyTCP(i *sockets.TCPInfo) *whyTCP {
	if i == nil {
		return nil
	}
	t := &whyTCP{
		State: sockets.TCP.StateName(i.State), RTT: i.RTT.Seconds(), MinRTT: i.MinRTT.Seconds(), Retransmission: i.Retransmission.Seconds(),
		Timeouts: int(i.Timeouts), Unacked: i.Unacked, CongestionWindow: i.CongestionWindow,
		SegmentsOut: i.SegmentsOut, SegmentsIn: i.SegmentsIn, Retransmitted: i.Retransmitted,
		BytesAcked: i.BytesAcked, BytesReceived: i.BytesReceived, BytesRetransmitted: i.BytesRetransmitted, NotSent: i.NotSent,
		WindowLimited: i.WindowLimited.Seconds(), BufferLimited: i.BufferLimited.Seconds(),
	}
	if i.PeerWindowKnown {
		t.PeerWindow = &i.PeerWindow
	}
	if i.OwnWindowKnown {
		t.OwnWindow = &i.OwnWindow
	}
	return t
}

// answer draws conclusions.
func (w *whyEvidence) answer() whyAnswer {
	a := whyAnswer{
		Subject: w.subject(), Seconds: w.took.Seconds(), Sent: w.out.packets, Received: w.in.packets, Lost: w.counts.Lost,
		Before: newWhyTCP(w.before), After: newWhyTCP(w.after),
	}
	for _, find := range []func(*whyEvidence) []whyFinding{
		(*whyEvidence).traffic, (*whyEvidence).stops, (*whyEvidence).slowest, (*whyEvidence).resent,
		(*whyEvidence).windows, (*whyEvidence).queues, (*whyEvidence).roundTrip, (*whyEvidence).complete, (*whyEvidence).next,
	} {
		a.Findings = append(a.Findings, find(w)...)
	}
	return a
}

// whyWidth is where lines end.
const whyWidth = 100

func (a whyAnswer) print(w io.Writer) error {
	var b strings.Builder
	for _, f := range a.Findings {
		mark := "  "
		if f.Trouble {
			mark = "! "
		}
		for _, line := range wrap(mark, f.Text, whyWidth) {
			b.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
