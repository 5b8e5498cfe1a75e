package network

// Way is how probes are sent and answers received.
type Way uint8

// The ways.
const (
	// Auto is Raw if that is permitted, else Queue.
	Auto Way = iota
	// Raw sends whole packets and takes all answers. It takes CAP_NET_RAW.
	Raw
	// Queue needs no privilege, and some probes of one flow should not be on their way at
	// once:
	//
	//   - SYNs, for there is but one connection between the same ports: the next one ends
	//     the wait for the one before, which nobody has answered then.
	//   - Probes of UDP, where a router quotes no more than eight bytes of them. The kernel
	//     then hands back nothing of what was sent, so that the answer is given to the only
	//     probe of the flow that waits, and counted as Unmatched if there are several.
	Queue
)

var wayNames = [...]string{"auto", "raw", "queue"}

// String returns the label value, such as "raw".
func (w Way) String() string {
	if int(w) < len(wayNames) {
		return wayNames[w]
	}
	return "unknown"
}
