//go:build kernel && linux

package testnet

import (
	"encoding/binary"
	"testing"
	"time"
)

// TestShuffle: packets overtake those that are late, none is lost, and some come twice.
func TestShuffle(t *testing.T) {
	const sent = 2000
	for _, f := range Families {
		t.Run(f.String(), func(t *testing.T) {
			p := NewPath(t, PathConfig{Widths: []int{1, 1}})
			late := p.Stages[1][0].Shuffle(t, ToDest, Shuffling{Share: 10, Duplicate: 10, Late: Margin(time.Millisecond)})
			pair, err := NewUDPPair(p.Host, p.Dest, f)
			if err != nil {
				t.Fatal(err)
			}
			defer pair.Close()
			seen, before, overtaken := make(map[uint32]int), uint32(0), 0
			receive := func() {
				b := make([]byte, 4)
				if _, err := pair.Receiver.Read(b); err != nil {
					t.Fatalf("%d different datagrams of %d have come: %v", len(seen), sent, err)
				}
				n := binary.BigEndian.Uint32(b)
				if seen[n]++; n < before && seen[n] == 1 {
					overtaken++
				}
				before = max(before, n)
			}
			for n := range uint32(sent) {
				if _, err := pair.Sender.Write(binary.BigEndian.AppendUint32(nil, n)); err != nil {
					t.Fatal(err)
				}
				if n%50 == 49 {
					for len(seen) < int(n)+1-40 { // so that the receiver's buffer does not run over
						receive()
					}
				}
			}
			for len(seen) < sent {
				receive()
			}
			twice := 0
			for _, n := range seen {
				twice += n - 1
			}
			t.Logf("%d of %d were late, %d were overtaken, %d came twice", late(), sent, overtaken, twice)
			if late() < sent/20 || late() > sent/5 || overtaken < int(late())/2 || twice == 0 || twice > int(late())/2 {
				t.Errorf("%d were late, %d were overtaken, %d came twice", late(), overtaken, twice)
			}
		})
	}
}
