package metric

import (
	"net/netip"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The labels of an [Exemplar].
const (
	ExemplarSource      = "src"
	ExemplarDestination = "dst"
)

var exemplarSource, exemplarDestination = ExemplarSource, ExemplarDestination

// An Exemplar is one observed value with the flow that it belongs to.
//
// Its labels are the ends of the flow as "address:port", or the address alone if
// the port is 0. The longest pair, two IPv6 addresses with ports, takes 100 of
// the 128 characters that OpenMetrics allows.
type Exemplar struct {
	// Source and Destination are left out if they are not valid.
	Source, Destination netip.AddrPort
	// Value is in the unit of the family.
	Value float64
	// Time is when the value was observed. Without it servers ignore the exemplar
	// of a native histogram.
	Time time.Time
}

// message returns the protobuf form.
func (e *Exemplar) message() *dto.Exemplar {
	m := &dto.Exemplar{Value: &e.Value, Timestamp: timestamppb.New(e.Time)}
	if end := endpoint(e.Destination); end != "" {
		m.Label = append(m.Label, &dto.LabelPair{Name: &exemplarDestination, Value: &end})
	}
	if end := endpoint(e.Source); end != "" {
		m.Label = append(m.Label, &dto.LabelPair{Name: &exemplarSource, Value: &end})
	}
	return m
}

// endpoint drops the zone of a link-local address: it is a name of any length,
// and an exemplar that is too long makes a server reject the scrape.
func endpoint(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	addr := a.Addr().Unmap().WithZone("")
	if a.Port() == 0 {
		return addr.String()
	}
	return netip.AddrPortFrom(addr, a.Port()).String()
}
