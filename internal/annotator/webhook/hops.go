package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/packetscope/packetscope/internal/annotator/sink"
)

// ErrCircle is of a message that went through more annotators than any has to: they notify
// each other in a circle.
var ErrCircle = errors.New("annotators notify each other in a circle")

// hopsOf returns how many annotators a message went through, 0 if it is Alertmanager's own.
// Errors are [ErrCircle], and of a header that is no number.
func hopsOf(h http.Header) (int, error) {
	text := h.Get(sink.HopsHeader)
	if text == "" {
		return 0, nil
	}
	hops, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil:
		return 0, fmt.Errorf("header %s is %.20q, which is no number of annotators", sink.HopsHeader, text)
	case hops > sink.MostHops:
		return 0, fmt.Errorf("%w: the message went through %d, and %d are the most: take the one that sends here out of the sinks of another", ErrCircle, hops, sink.MostHops)
	}
	return int(hops), nil
}
