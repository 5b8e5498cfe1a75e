package locator

import (
	"testing"

	"github.com/packetscope/packetscope/internal/wire"
)

func TestDestinationsAreURLs(t *testing.T) {
	for want, d := range map[string]Destination{
		"tcp://example.com:443":     {Host: "example.com", Protocol: wire.TCP, Port: 443},
		"udp://[2001:db8::1]:33434": {Host: "2001:db8::1", Protocol: wire.UDP, Port: 33434},
		"icmp://192.0.2.1":          {Host: "192.0.2.1", Protocol: wire.ICMP},
		"icmp://[2001:db8::1]":      {Host: "2001:db8::1", Protocol: wire.ICMP},
	} {
		if got := d.String(); got != want {
			t.Errorf("%+v is %q, want %q", d, got, want)
		}
	}
}
