package network

// Way is how probes are sent and answers received.
type Way uint8

// The ways. Auto is Raw if that is permitted, else Queue.
const (
	Auto Way = iota
	Raw
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
