//go:build kernel && linux

package attack

import (
	"net"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// echoPort is that of a service which sends back what it is sent (RFC 862).
const echoPort = 7

// rounds are how often a service of a test answers, which others do for ever.
const rounds = 50

// echoService sends back what comes to a namespace, and tells of each datagram.
func echoService(t *testing.T, ns *testnet.Namespace) (came chan struct{}) {
	t.Helper()
	var service *net.UDPConn
	ns.Do(t, func() {
		var err error
		if service, err = net.ListenUDP("udp4", &net.UDPAddr{IP: ns.V4.AsSlice(), Port: echoPort}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { service.Close() })
	came = make(chan struct{}, rounds)
	go func() {
		b := make([]byte, 64)
		for range rounds {
			n, from, err := service.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			came <- struct{}{}
			service.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	return came
}

// TestServicesAnswerEachOther: one forged datagram, and a service of the peer and one of the
// victim answer each other until those of the test end. Behind scans.yaml as it comes each
// of the answers is told, and enforced there are none. A client is answered in all cases.
func TestServicesAnswerEachOther(t *testing.T) {
	for _, mode := range scenes() {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("scans.yaml", mode, &engine))
			came := echoService(t, s.victim)
			echoService(t, s.peer)
			var client *net.UDPConn
			s.peer.Do(t, func() {
				var err error
				if client, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: s.victim.V4.AsSlice(), Port: echoPort}); err != nil {
					t.Fatal(err)
				}
			})
			defer client.Close()
			if _, err := client.Write([]byte("client")); err != nil {
				t.Fatal(err)
			}
			if !reads(client, testnet.Margin(5*time.Second)) {
				t.Error("the service does not answer its client")
			}
			<-came
			s.inject(t, packet.Frame{
				Source: s.peer.V4, Destination: s.victim.V4, Protocol: packet.UDP, SourcePort: echoPort, DestinationPort: echoPort, Payload: []byte("forged"),
			})
			want := rounds - 1
			if mode == "enforce" {
				want = 0
			}
			patience := time.After(testnet.Margin(5 * time.Second))
			for n := range want {
				select {
				case <-came:
				case <-patience:
					t.Fatalf("%d datagrams came, want %d", n, want)
				}
			}
			if len(came) != 0 {
				t.Errorf("%d datagrams too many came", len(came))
			}
			credit := credits(t, engine)
			if n := credit["legacy-loop would_drop"]; mode == "audit" && n < uint64(want) {
				t.Errorf("%d answers are told, want %d", n, want)
			}
			if n := credit["legacy-loop drop"]; mode == "enforce" && n != 1 || mode == "audit" && n != 0 {
				t.Errorf("%d datagrams are dropped", n)
			}
		})
	}
}
