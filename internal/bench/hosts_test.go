//go:build bench

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/proto"
)

// record returns what a real exporter exposes after some traffic.
func record(t *testing.T, p *exporter) []*dto.MetricFamily {
	body, _ := p.scrape(t, asProtobuf)
	decoder := expfmt.NewDecoder(bytes.NewReader(body), expfmt.NewFormat(expfmt.TypeProtoDelim))
	var families []*dto.MetricFamily
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
			return families
		} else if err != nil {
			t.Fatal("decode recorded metrics:", err)
		}
		families = append(families, &f)
	}
}

// A host is a simulated one: the recorded exposition, with remote networks of its own,
// whose counters and histograms have grown by the recorded values at each scrape.
type host struct {
	recorded, shown []*dto.MetricFamily
	speed, grown    float64
}

// newHost makes host number i. Hosts differ in how much they do.
func newHost(recorded []*dto.MetricFamily, i int) *host {
	h := &host{recorded: recorded, speed: float64(1 + i%7)}
	for _, f := range recorded {
		shown := proto.CloneOf(f)
		for _, m := range shown.Metric {
			for _, l := range m.Label {
				if l.GetName() == "remote" && strings.Contains(l.GetValue(), "/") {
					l.Value = proto.String(fmt.Sprintf("%s-%d", l.GetValue(), i))
				}
			}
		}
		h.shown = append(h.shown, shown)
	}
	return h
}

// Gather returns the next exposition. Scrapes of one host must not overlap.
func (h *host) Gather() ([]*dto.MetricFamily, error) {
	h.grown += h.speed
	for i, f := range h.recorded {
		for j, m := range f.Metric {
			grow(h.shown[i].Metric[j], m, h.grown)
		}
	}
	return h.shown, nil
}

// grow sets what only grows to a whole multiple of what was recorded, so that the
// buckets of a histogram still add up.
func grow(shown, recorded *dto.Metric, by float64) {
	if c := recorded.Counter; c != nil {
		shown.Counter.Value = proto.Float64(c.GetValue() * by)
	}
	from := recorded.Histogram
	if from == nil {
		return
	}
	times, to := uint64(by), shown.Histogram
	to.SampleCount = proto.Uint64(from.GetSampleCount() * times)
	to.SampleSum = proto.Float64(from.GetSampleSum() * by)
	for i, b := range from.Bucket {
		to.Bucket[i].CumulativeCount = proto.Uint64(b.GetCumulativeCount() * times)
	}
	if from.ZeroCount != nil {
		to.ZeroCount = proto.Uint64(from.GetZeroCount() * times)
	}
	for i, delta := range from.PositiveDelta {
		to.PositiveDelta[i] = delta * int64(times)
	}
}

// serve gives each host an address of its own on the loopback device, and one port to
// all, like real hosts. It returns their addresses.
func serve(t *testing.T, hosts []*host) (addresses []string) {
	port := ""
	for i, h := range hosts {
		mux := http.NewServeMux()
		mux.Handle("/metrics", promhttp.HandlerFor(prometheus.Gatherer(h), promhttp.HandlerOpts{}))
		ip := fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250)
		l, err := net.Listen("tcp4", net.JoinHostPort(ip, port))
		if err != nil {
			t.Fatal("serve simulated host:", err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		server := &http.Server{Handler: mux}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}
