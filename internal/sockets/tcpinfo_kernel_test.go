//go:build linux && kernel

package sockets

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/testnet"
)

func TestTCPInfoIsOfTheConnection(t *testing.T) {
	n := testnet.New(t)
	n.Left.Pin(t)
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			pair, err := testnet.NewTCPPair(n.Left, n.Right, f)
			if err != nil {
				t.Fatal(err)
			}
			defer pair.Close()
			if _, err := pair.Client.Write(make([]byte, 1009)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(pair.Server, make([]byte, 1009)); err != nil {
				t.Fatal(err)
			}
			s := Socket{Family: IPv4, Protocol: TCP, Local: endOf(pair.Client.LocalAddr()), Peer: endOf(pair.Client.RemoteAddr())}
			if s.Local.Addr().Is6() {
				s.Family = IPv6
			}
			n.Left.Do(t, func() {
				if s.Namespace, err = netns.OfThread(); err != nil {
					t.Error(err)
				}
			})
			var info TCPInfo
			for deadline := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(deadline); {
				if info, err = ReadTCPInfo(s); err != nil || info.BytesAcked >= 1009 {
					break
				}
			}
			if err != nil || info.State != Established || info.BytesSent != 1009 || info.RTT == 0 || info.Retransmitted != 0 || info.PeerWindowKnown && info.PeerWindow == 0 {
				t.Errorf("%+v, %v", info, err)
			}
			s.Local = netip.AddrPortFrom(s.Local.Addr(), 9)
			if _, err := ReadTCPInfo(s); !errors.Is(err, ErrGone) {
				t.Errorf("of no connection: %v", err)
			}
		})
	}
}

func endOf(a net.Addr) netip.AddrPort {
	e := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(e.Addr().Unmap(), e.Port())
}
