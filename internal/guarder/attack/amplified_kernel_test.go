//go:build kernel && linux

package attack

import (
	"fmt"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// amplifiers are ports of services whose answers are longer than the questions.
var amplifiers = []uint16{17, 19, 53, 69, 111, 123, 137, 161, 389, 1900, 3702, 5353, 11_211}

// answer is a datagram of the peer from a port to one of the victim.
func answer(from uint16, to func(s *siege) uint16, size int) func(s *siege) [][]byte {
	return func(s *siege) [][]byte {
		f := s.toward(packet.UDP, false)
		f.SourcePort, f.DestinationPort, f.Payload = from, to(s), make([]byte, size)
		return [][]byte{s.addressed(f).Bytes()}
	}
}

// arrives tells whether a datagram comes to the victim's socket.
func arrives(_ *testing.T, s *siege) bool { return reads(s.socket, testnet.Margin(5*time.Second)) }

// TestAmplifiedReplies sends long answers of services that amplify to a port that asked nobody,
// and to one where somebody listens.
func TestAmplifiedReplies(t *testing.T) {
	closed := func(*siege) uint16 { return closedPort }
	open := func(s *siege) uint16 { return s.datagrams }
	var blows []blow
	for _, port := range amplifiers {
		blows = append(
			blows,
			blow{18, fmt.Sprintf("from %d", port), []string{"out-of-state/amplified-reply"}, answer(port, closed, 600), isUnreachable, nil},
			blow{18, fmt.Sprintf("from %d, wanted", port), []string{""}, answer(port, open, 600), nil, arrives},
		)
	}
	blows = append(
		blows,
		blow{11, "short answer", []string{"out-of-state/closed-udp-port"}, answer(53, closed, 80), isUnreachable, nil},
		blow{11, "short answer, wanted", []string{""}, answer(53, open, 80), nil, arrives},
	)
	besiege(t, []string{"out-of-state.yaml"}, nil, func(s *siege) {
		s.victim.Set(t, "ipv4/icmp_ratelimit", "0")
		s.listenUDP(t)
	}, blows)
}
