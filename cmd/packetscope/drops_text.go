package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/dropreason"
	"github.com/packetscope/packetscope/internal/stack"
)

// A dropLine is one drop as the verb prints it. Fields may be added to it; none is
// renamed or removed.
type dropLine struct {
	Time     time.Time `json:"time"`
	Severity string    `json:"severity"`
	Reason   string    `json:"reason"`
	// Function is the kernel function that dropped the packet.
	Function  string `json:"function"`
	Layer     string `json:"layer"`
	Direction string `json:"direction"`
	Family    string `json:"family"`
	Protocol  string `json:"protocol"`
	// Source and Destination are empty for what is not IP.
	Source      string `json:"source,omitempty"`
	Destination string `json:"destination,omitempty"`
	// Device is the name of a device, or "if" and its index.
	Device    string `json:"device,omitempty"`
	Namespace uint32 `json:"namespace,omitempty"`
	Bytes     int    `json:"bytes"`
	// Explanation is one line about the reason.
	Explanation string `json:"explanation"`
}

func newDropLine(e stack.DropEvent) dropLine {
	l := dropLine{
		Time: e.Time, Severity: e.Severity.String(), Reason: e.Reason, Function: e.Function,
		Layer: e.Layer.String(), Direction: e.Direction.String(), Family: e.Kind.Family(), Protocol: e.Kind.Protocol(),
		Source: showEnd(e.Source), Destination: showEnd(e.Destination),
		Device: e.Device, Namespace: e.Namespace, Bytes: e.Bytes, Explanation: dropreason.Explain(e.Reason),
	}
	if l.Device == "" && e.Interface > 0 {
		l.Device = fmt.Sprint("if", e.Interface)
	}
	return l
}

// showEnd leaves out a port that the protocol does not have.
func showEnd(a netip.AddrPort) string {
	switch {
	case !a.IsValid():
		return ""
	case a.Port() == 0:
		return a.Addr().String()
	}
	return a.String()
}

// text returns the line for people.
func (l dropLine) text() string {
	device := l.Device
	if device == "" {
		device = "-"
	}
	flow := "not IP"
	if l.Source != "" {
		flow = fmt.Sprintf("%s %s > %s", l.Protocol, l.Source, l.Destination)
	}
	return fmt.Sprintf("%s  %-6s  %-18s  %-8s  %s  %s  in %s: %s", l.Time.Format("15:04:05.000000"),
		l.Severity, l.Reason, l.Direction, device, flow, l.Function, l.Explanation)
}

// dropTotals are what became of all drops while the verb ran.
type dropTotals struct {
	Seen uint64 `json:"seen"`
	// Shown is how many were printed.
	Shown int `json:"shown"`
	// Unwanted were left out because of --severity or --reason.
	Unwanted uint64 `json:"unwanted"`
	// Limited were left out because of --rate.
	Limited uint64 `json:"limited"`
	// Lost were not read in time.
	Lost uint64 `json:"lost"`
}

func (t dropTotals) text() string {
	return fmt.Sprintf("%d drops: %d shown, %d not asked for, %d beyond the rate, %d lost", t.Seen, t.Shown, t.Unwanted, t.Limited, t.Lost)
}
