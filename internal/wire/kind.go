package wire

// Types of ICMP (RFC 792) that answer probes.
const (
	echoReplyV4        = 0
	unreachableV4      = 3
	timeExceededV4     = 11
	parameterProblemV4 = 12
	// fragmentationNeeded is a code of unreachableV4 (RFC 1191).
	fragmentationNeeded = 4
)

// Types of ICMPv6 (RFC 4443) that answer probes.
const (
	unreachableV6      = 1
	packetTooBigV6     = 2
	timeExceededV6     = 3
	parameterProblemV6 = 4
	echoReplyV6        = 129
)

// ICMPv4Kind returns the kind of a message of ICMP, or 0 if it answers no probe: such
// as a redirect, or source quench.
//
// Sockets with IP_RECVERR are given type and code without the message.
func ICMPv4Kind(kind, code uint8) Kind {
	switch kind {
	case echoReplyV4:
		return EchoReply
	case unreachableV4:
		if code == fragmentationNeeded {
			return PacketTooBig
		}
		return Unreachable
	case timeExceededV4:
		return TimeExceeded
	case parameterProblemV4:
		return ParameterProblem
	}
	return 0
}

// ICMPv6Kind returns the kind of a message of ICMPv6, or 0 if it answers no probe.
func ICMPv6Kind(kind uint8) Kind {
	switch kind {
	case unreachableV6:
		return Unreachable
	case packetTooBigV6:
		return PacketTooBig
	case timeExceededV6:
		return TimeExceeded
	case parameterProblemV6:
		return ParameterProblem
	case echoReplyV6:
		return EchoReply
	}
	return 0
}

// Codes of Unreachable that a host sends when the probe has arrived.
const (
	portUnreachableV4 = 3
	portUnreachableV6 = 4
)

// Reached tells whether the probe arrived at its destination: that answered it, or
// somebody in its name did. Port unreachable counts from any address, for a router with
// many answers from another one than was asked; a firewall on the way that rejects with
// it in its own name cannot be told from that.
func (r *Reply) Reached() bool {
	switch {
	case r.Kind == EchoReply || r.Kind == SYNACK || r.Kind == Reset:
		return true
	case r.Kind == Unreachable && r.From.Is4() && r.Code == portUnreachableV4:
		return true
	case r.Kind == Unreachable && r.From.Is6() && r.Code == portUnreachableV6:
		return true
	}
	return r.From.IsValid() && r.From == r.Quoted.Destination
}

// Codes of Unreachable: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1.
var unreachableV4Names = [...]string{
	"network_unreachable", "host_unreachable", "protocol_unreachable", "port_unreachable",
	"fragmentation_needed", "source_route_failed", "network_unknown", "host_unknown",
	"source_isolated", "network_prohibited", "host_prohibited", "network_unreachable_for_tos",
	"host_unreachable_for_tos", "communication_prohibited", "precedence_violation", "precedence_cutoff",
}

// Codes of Unreachable: RFC 4443 section 3.1, and RFC 8883 section 4.1 for the last.
var unreachableV6Names = [...]string{
	"no_route", "communication_prohibited", "beyond_scope", "address_unreachable", "port_unreachable",
	"source_policy", "route_rejected", "source_route_error", "headers_too_long",
}

// Reason returns why a probe did not go on, as a label value: for Unreachable the name
// of its code, or "unreachable" if that has none; for others the name of the kind.
func (r *Reply) Reason() string {
	if r.Kind != Unreachable {
		return r.Kind.String()
	}
	names := unreachableV6Names[:]
	if r.From.Is4() {
		names = unreachableV4Names[:]
	}
	if int(r.Code) < len(names) {
		return names[r.Code]
	}
	return r.Kind.String()
}

var kindNames = [...]string{
	"unknown", "time_exceeded", "unreachable", "packet_too_big", "parameter_problem", "echo_reply", "syn_ack", "reset",
}

// String returns the label value, such as "time_exceeded".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

var roleNames = [...]string{"incoming", "component", "outgoing", "next_hop"}

// String returns the label value, such as "incoming".
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "unknown"
}
