//go:build kernel && linux

package attack

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/testnet"
)

// An order is what a station sends to a controller in one segment.
type order struct {
	name string
	port uint16
	hex  string
	rule string // that does not want it from everybody, or ""
}

// cip is a request of CIP in SendRRData.
func cip(request string) string {
	size := func(n int) string { return hex.EncodeToString([]byte{byte(n), 0}) }
	n := len(request) / 2
	return "6f00" + size(16+n) + "01000000" + strings.Repeat("00", 16) + "000000000000" + "0200" + "00000000" + "b200" + size(n) + request
}

var orders = []order{
	{"Modbus: read", 502, "0001000000060103000a0001", ""},
	{"Modbus: write a coil", 502, "0001000000060105000aff00", "modbus/write"},
	{"Modbus: write registers", 502, "00010000000b0110000a00020400010002", "modbus/write"},
	{"Modbus: listen only", 502, "000100000006010800040000", "modbus/diagnostics"},
	{"Modbus: half of a write", 502, "00010000000601", "modbus/modbus-short"},
	{"Modbus: write behind a read", 502, "0001000000060103000a0001" + "0002000000060105000aff00", "modbus/modbus-several"},
	{"Modbus: rest of a write", 502, "0000060105000aff00", "modbus/modbus-unaligned"},

	{"S7: connect", 102, "0300001611e00000000100c0010ac1020100c2020102", ""},
	{"S7: read", 102, "0300001f02f080320100000001000e00000401120a10020001000083000000", ""},
	{"S7: write", 102, "0300002402f080320100000001000e00050501120a1002000100008300000000040008ff", "s7comm/write"},
	{"S7: stop", 102, "0300002102f0803201000000010010000029000000000009505f50524f4752414d", "s7comm/stop"},
	{"S7: half of a stop", 102, "0300002102f080320100", "s7comm/s7comm-short"},
	{"S7: stop behind a keep-alive", 102, "0300000702f000" + "0300002102f0803201000000010010000029000000000009505f50524f4752414d", "s7comm/s7comm-several"},

	{"DNP3: state of the link", 20_000, "056405c901000200aabb", ""},
	{"DNP3: read", 20_000, "05640bc401000200aabbc0c1013c0206aabb", ""},
	{"DNP3: operate at once", 20_000, "056412c401000200aabbc0c1050c0128010000", "dnp3/write"},
	{"DNP3: cold restart", 20_000, "056408c401000200aabbc0c10daabb", "dnp3/write"},
	{"DNP3: half of an order", 20_000, "056412c401000200aabb", "dnp3/dnp3-short"},
	{"DNP3: restart behind a question about the link", 20_000, "056405c901000200aabb" + "056408c401000200aabbc0c10daabb", "dnp3/dnp3-several"},

	{"IEC 104: start", 2404, "680407000000", ""},
	{"IEC 104: interrogation", 2404, "680e0000000064010600010000000014", ""},
	{"IEC 104: single command", 2404, "680e000000002d010600010001000001", "iec104/command"},
	{"IEC 104: reset", 2404, "680e0000000069010600010000000001", "iec104/command"},
	{"IEC 104: command behind an acknowledgement", 2404, "680401000200" + "680e000000002d010600010001000001", "iec104/command"},
	{"IEC 104: half of a command", 2404, "680e0000", "iec104/iec104-short"},

	{"CIP: session", 44_818, "65000400000000000000000000000000000000000000000001000000", ""},
	{"CIP: who are you", 44_818, cip("010220012401"), ""},
	{"CIP: read a tag", 44_818, cip("4c0291035441470001000000"), ""},
	{"CIP: write a tag", 44_818, cip("4d029103544147000100c4000100000001"), "enip/write"},
	{"CIP: reset", 44_818, cip("050220012401"), "enip/write"},
	{"CIP: stop another slot", 44_818, cip("5202200624010a05060007022001240101000100"), "enip/write"},
	{"CIP: half of a write", 44_818, cip("4d0291035441470001")[:78], "enip/enip-short"},
}

// TestIndustrialWrites has everybody write to the controllers of the bare victim, and stop
// them. Behind ics.yaml this is told, or stopped if that is enforced; reads of everybody and
// writes of the engineering station, which is the router here, arrive.
func TestIndustrialWrites(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := &siege{scene: newScene(t, nil)}
			heard := s.controllers(t)
			if shield := shieldOf([]string{"ics.yaml"}, engineeredBy(s.router.V4), mode); shield != nil {
				s.engine = shield(t, s.victim)
			}
			for _, o := range orders {
				o.give(t, s, s.peer, heard, o.rule, mode)
				o.give(t, s, s.router, heard, "", mode)
			}
		})
	}
	for _, o := range orders {
		known(t, []blow{{attack: 39, rules: []string{o.rule}}})
	}
}

// engineeredBy puts the only engineering station into a policy.
func engineeredBy(station netip.Addr) func(policy string) string {
	return func(policy string) string {
		return strings.Replace(policy, "entries: [192.0.2.16/28]", "entries: ["+station.String()+"]", 1)
	}
}

// controllers listen on all ports of the orders. What one hears until the connection ends is
// sent on the channel, by parts.
func (s *siege) controllers(t *testing.T) (heard chan []byte) {
	t.Helper()
	heard = make(chan []byte, 16)
	for _, port := range []uint16{502, 102, 20_000, 2404, 44_818} {
		s.victim.Do(t, func() {
			listener, err := net.Listen("tcp", netip.AddrPortFrom(s.victim.V4, port).String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					hear(conn, heard)
				}
			}()
		})
	}
	return heard
}

// hear sends what comes until the connection ends.
func hear(conn net.Conn, heard chan<- []byte) {
	defer conn.Close()
	for {
		b := make([]byte, 512)
		n, err := conn.Read(b)
		if n > 0 {
			heard <- b[:n]
		}
		if err != nil {
			return
		}
	}
}

// give sends an order from a namespace, and fails unless it is heard or stopped as the rule
// says.
func (o *order) give(t *testing.T, s *siege, from *testnet.Namespace, heard <-chan []byte, rule, mode string) {
	t.Helper()
	payload, err := hex.DecodeString(o.hex)
	if err != nil {
		t.Fatal(err)
	}
	before := creditsByRule(t, s.engine)
	var conn net.Conn
	from.Do(t, func() {
		if conn, err = net.Dial("tcp", netip.AddrPortFrom(s.victim.V4, o.port).String()); err != nil {
			t.Fatal(err)
		}
	})
	defer conn.Close()
	// What was not acknowledged is not sent again behind the test's back.
	conn.(*net.TCPConn).SetLinger(0)
	if _, err := conn.Write(payload); err != nil {
		t.Fatal(err)
	}
	credit := ""
	if rule != "" && mode != "bare" {
		credit = rule + map[string]string{"as it comes": " would_drop", "enforced": " drop"}[mode]
	}
	if credit != "" && mode == "enforced" {
		if !waitCredit(t, s.engine, credit, before[credit]) {
			t.Errorf("%s from %s: nothing is credited", o.name, from.Name)
		}
	} else {
		select {
		case got := <-heard:
			if !bytes.Equal(got, payload) {
				t.Errorf("%s from %s: heard % x, want % x", o.name, from.Name, got, payload)
			}
		case <-time.After(testnet.Margin(5 * time.Second)):
			t.Errorf("%s from %s: not heard", o.name, from.Name)
		}
	}
	select {
	case got := <-heard:
		t.Errorf("%s from %s: heard % x", o.name, from.Name, got)
	default:
	}
	for name, n := range creditsByRule(t, s.engine) {
		// A segment that is dropped comes again, so there may be more than one.
		if grown := n > before[name]; grown != (name == credit) {
			t.Errorf("%s from %s: %s: %d, was %d", o.name, from.Name, name, n, before[name])
		}
	}
	if credit != "" && creditsByRule(t, s.engine)[credit] == before[credit] {
		t.Errorf("%s from %s: %s is not credited", o.name, from.Name, credit)
	}
}

// waitCredit waits until a credit grows.
func waitCredit(t *testing.T, e *guarder.Engine, name string, before uint64) bool {
	t.Helper()
	for deadline := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(deadline); {
		if creditsByRule(t, e)[name] > before {
			return true
		}
	}
	return false
}
