package guarder

import (
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/host"
)

// A BanList is who is banned, as JSON goes over the admin socket.
type BanList struct {
	Time time.Time   `json:"time"`
	Bans []BanStatus `json:"bans"`
}

// A BanStatus is one ban.
type BanStatus struct {
	Prefix netip.Prefix `json:"prefix"`
	// Origin is operator, api, crowdsec or rule:GROUP/NAME.
	Origin string    `json:"origin"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	// Until is when it ends, in Left seconds.
	Until time.Time `json:"until"`
	Left  float64   `json:"left_seconds"`
	// Count is how often the prefix was banned, as far as is remembered.
	Count int `json:"count"`
	// Renew tells that it ends that much later with each packet.
	Renew bool `json:"renew,omitempty"`
	// Audit tells that nobody is dropped by it: the rule, or all of the host, is audited.
	Audit bool `json:"audit,omitempty"`
}

// A BanOrder is for a ban by a person, or by a program.
type BanOrder struct {
	Prefix netip.Prefix  `json:"prefix"`
	TTL    time.Duration `json:"ttl_ns"`
	Reason string        `json:"reason,omitempty"`
	// Origin is operator, api or crowdsec; "" is operator.
	Origin string `json:"origin,omitempty"`
	// Operator are the connections by which the one who asks has come.
	Operator []host.Connection `json:"operator,omitempty"`
}

// BanEvents count what became of bans since the agent started.
type BanEvents struct {
	// Origin is rule, operator, api or crowdsec.
	Origin string `json:"origin"`
	// Action is added, renewed, expired, removed, refused or would_ban.
	Action string `json:"action"`
	Events uint64 `json:"events"`
}

// A BanCount is what bans of an origin do.
type BanCount struct {
	Origin string `json:"origin"`
	// Bans are those in force.
	Bans int `json:"bans"`
	// Counts are packets since the state was made: "drop", and "would_drop".
	Counts map[string]Counts `json:"counts,omitempty"`
}
