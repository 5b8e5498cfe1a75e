package guarder

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

var (
	gateway  = netip.MustParseAddr("192.0.2.254")
	pinned   = netip.MustParseAddr("192.0.2.252")
	listed   = netip.MustParseAddr("192.0.2.253")
	trueMAC  = MAC{2, 0, 0, 0, 0, 0xfe}
	falseMAC = MAC{2, 0, 0, 0, 0, 0x66}
	morning  = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
)

// learner is a policy whose set "gateways" learns.
func learner() *policy.Policy {
	return &policy.Policy{Bindings: map[string]*policy.BindingSet{
		"gateways": {Name: "gateways", Learn: true, Open: []netip.Addr{listed}, MACs: map[netip.Addr][][6]byte{pinned: {trueMAC}}},
		"hosts":    {Name: "hosts", MACs: map[netip.Addr][][6]byte{}},
	}}
}

// see looks at the neighbour table, which has nothing but what is given, and returns what
// is told of it.
func see(t *testing.T, b *Bindings, at time.Duration, neighbours ...Neighbour) (told []string) {
	t.Helper()
	news, changed := b.See(learner(), []netip.Addr{gateway, pinned}, neighbours, true, morning.Add(at))
	for _, n := range news {
		told = append(told, n.what+" "+n.IP.String()+" "+n.Device+" "+n.MAC.String())
	}
	if changed {
		if err := b.Write(); err != nil {
			t.Fatal(err)
		}
	}
	return told
}

func opened(t *testing.T, folder string) *Bindings {
	t.Helper()
	b, err := OpenBindings(folder)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFirstMACIsLearntAndLocked: what is confirmed first is bound, and no other after it,
// over a restart too; that it changed is counted once.
func TestFirstMACIsLearntAndLocked(t *testing.T) {
	folder := t.TempDir()
	b := opened(t, folder)
	claimed := Neighbour{gateway, "eth0", falseMAC, false}
	if told := see(t, b, 0, claimed, Neighbour{pinned, "eth0", falseMAC, true}, Neighbour{netip.MustParseAddr("192.0.2.9"), "eth0", falseMAC, true}); told != nil {
		t.Errorf("of what is only claimed, pinned, or of no concern: %v", told)
	}
	if diff := cmp.Diff([]netip.Addr{listed, gateway}, b.Status(learner())[0].Waiting, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	right := []Neighbour{{gateway, "eth0", trueMAC, true}, {gateway, "eth1", falseMAC, true}, {listed, "eth0", trueMAC, true}}
	want := []string{
		"learnt 192.0.2.254 eth0 02:00:00:00:00:fe", "learnt 192.0.2.254 eth1 02:00:00:00:00:66", "learnt 192.0.2.253 eth0 02:00:00:00:00:fe",
	}
	if diff := cmp.Diff(want, see(t, b, time.Minute, right...)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	b = opened(t, folder)
	learned := policy.Learned{"gateways": {gateway: {falseMAC, trueMAC}, listed: {trueMAC}}}
	if diff := cmp.Diff(learned, b.Learned(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("learnt (-want +got):\n%s", diff)
	}
	for i, c := range []struct {
		neighbours []Neighbour
		told       []string
		changes    uint64
		other      bool
	}{
		{right, nil, 0, false},
		{[]Neighbour{claimed}, []string{"changed 192.0.2.254 eth0 02:00:00:00:00:fe"}, 1, true},
		{[]Neighbour{claimed}, nil, 1, true},
		{right, []string{"back 192.0.2.254 eth0 02:00:00:00:00:fe"}, 1, false},
		{[]Neighbour{claimed}, []string{"changed 192.0.2.254 eth0 02:00:00:00:00:fe"}, 2, true},
		{nil, nil, 2, false}, // it is not in the table any more
	} {
		if diff := cmp.Diff(c.told, see(t, b, time.Hour, c.neighbours...)); diff != "" {
			t.Errorf("step %d: told (-want +got):\n%s", i, diff)
		}
		s := b.Status(learner())[0]
		if s.Changes != c.changes || (s.Bound[0].Other != nil) != c.other || c.other && *s.Bound[0].Other != falseMAC {
			t.Errorf("step %d: %d changes, another %v, want %d, %v", i, s.Changes, s.Bound[0].Other, c.changes, c.other)
		}
		if diff := cmp.Diff(learned, b.Learned(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("step %d: learnt (-want +got):\n%s", i, diff)
		}
	}
}

// TestBindingsAreWrittenUntilTheyAre has the disk refuse a binding at first: it is not
// news any more when the disk takes it.
func TestBindingsAreWrittenUntilTheyAre(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	b := opened(t, folder)
	table := []Neighbour{{gateway, "eth0", trueMAC, true}}
	if _, changed := b.See(learner(), []netip.Addr{gateway}, table, true, morning); !changed {
		t.Fatal("nothing was learnt")
	}
	if err := b.Write(); err == nil { // there is no such folder
		t.Fatal("the test does not fill the disk")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if told := see(t, b, time.Minute, table...); told != nil {
		t.Errorf("told again: %v", told)
	}
	if len(opened(t, folder).Learned()["gateways"]) != 1 {
		t.Error("it is not written when the disk takes it")
	}
	if _, changed := b.See(learner(), []netip.Addr{gateway}, table, true, morning.Add(time.Hour)); changed {
		t.Error("it is written again and again")
	}
}

// TestUnlockedAddressIsLearntAnew: the MAC address that was unlocked does not come back at
// once, as the kernel may still believe it.
func TestUnlockedAddressIsLearntAnew(t *testing.T) {
	b := opened(t, "")
	see(t, b, 0, Neighbour{gateway, "eth0", trueMAC, true})
	if err := b.Unlock("hosts", gateway, morning); !errors.Is(err, ErrNotBound) {
		t.Errorf("unlocked in another set: %v", err)
	}
	if err := b.Unlock("", gateway, morning); err != nil {
		t.Fatal(err)
	}
	if told := see(t, b, time.Second, Neighbour{gateway, "eth0", trueMAC, true}); told != nil {
		t.Errorf("within a minute: %v", told)
	}
	next := MAC{2, 0, 0, 0, 0, 0xfd}
	if diff := cmp.Diff([]string{"learnt 192.0.2.254 eth0 02:00:00:00:00:fd"}, see(t, b, 2*time.Second, Neighbour{gateway, "eth0", next, true})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := b.Unlock("gateways", gateway, morning); err != nil {
		t.Fatal(err)
	}
	if told := see(t, b, 2*time.Minute, Neighbour{gateway, "eth0", next, true}); len(told) != 1 {
		t.Errorf("after two minutes: %v", told)
	}
}

// TestPinnedAddressIsNotLearnt: once the policy names a MAC address, what was learnt is
// forgotten.
func TestPinnedAddressIsNotLearnt(t *testing.T) {
	b := opened(t, "")
	see(t, b, 0, Neighbour{gateway, "eth0", falseMAC, true})
	p := learner()
	p.Bindings["gateways"].MACs[gateway] = [][6]byte{trueMAC}
	_, changed := b.See(p, []netip.Addr{gateway}, []Neighbour{{gateway, "eth0", falseMAC, true}}, true, morning)
	if !changed || len(b.Learned()) != 0 {
		t.Errorf("changed %v, learnt %v", changed, b.Learned())
	}
}

// TestBindingsHaveABound: a neighbour that has ever new addresses does not fill the disk.
func TestBindingsHaveABound(t *testing.T) {
	b, p := opened(t, ""), learner()
	var neighbours []Neighbour
	for i := range maxBindings + 3 {
		ip := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		p.Bindings["gateways"].Open = append(p.Bindings["gateways"].Open, ip)
		neighbours = append(neighbours, Neighbour{ip, "eth0", trueMAC, true})
	}
	news, _ := b.See(p, nil, neighbours, true, morning)
	if s := b.Status(p)[0]; len(s.Bound) != maxBindings || len(news) != maxBindings+3 || news[maxBindings].what != "full" {
		t.Errorf("%d bound of %d, want %d", len(s.Bound), len(news), maxBindings)
	}
}

func TestDamagedBindingsAreNotForgotten(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, bindingFile), []byte(`[{"mac": "x"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBindings(folder); err == nil {
		t.Error("a damaged file is taken for none")
	}
}
