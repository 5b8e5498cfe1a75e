//go:build kernel && linux

package testnet

import (
	"testing"
	"time"
)

// TestTag: namespaces with the same tag reach each other, and those with another tag, or
// with none, do not. (That XDP sees the tag is seen where Guarder answers on a VLAN.)
func TestTag(t *testing.T) {
	for _, f := range Families {
		for _, c := range []struct {
			name        string
			left, right uint16
			want        bool
		}{{"the same", 10, 10, true}, {"one without", 10, 0, false}, {"others", 10, 11, false}} {
			t.Run(f.String()+" "+c.name, func(t *testing.T) {
				n := New(t)
				pair, err := NewUDPPair(n.Left, n.Right, f)
				if err != nil {
					t.Fatal(err)
				}
				defer pair.Close()
				n.Left.Tag(t, c.left)
				if c.right != 0 {
					n.Right.Tag(t, c.right)
				}
				if _, err := pair.Sender.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				pair.Receiver.SetReadDeadline(time.Now().Add(Margin(500 * time.Millisecond)))
				if _, err := pair.Receiver.Read(make([]byte, 1)); (err == nil) != c.want {
					t.Errorf("a datagram: %v", err)
				}
				if !c.want {
					return
				}
				if err := SendTCP(n.Left, n.Right, f, 1<<20); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
