package ban

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// restart opens the folder of a store again, after some time and maybe another boot.
func restart(t *testing.T, s *Store, f *fake, away time.Duration, reboot bool, wall time.Duration) *Store {
	t.Helper()
	if err := s.Save(true); err != nil {
		t.Fatal(err)
	}
	f.pass(away)
	f.wall = f.wall.Add(wall)
	if reboot {
		f.boot, f.id = 7*time.Second, "second"
	}
	return open(t, filepath.Dir(s.path), f)
}

func TestBansOutliveAgentAndHost(t *testing.T) {
	for _, c := range []struct {
		name       string
		away, step time.Duration
		reboot     bool
		left       time.Duration // of a ban of an hour; 0 is none
	}{
		{"agent starts again", 10 * time.Minute, 0, false, 50 * time.Minute},
		{"and the wall clock was set", 10 * time.Minute, 100 * time.Hour, false, 50 * time.Minute},
		{"host starts again", 10 * time.Minute, 0, true, 50 * time.Minute},
		{"host starts again when it is over", time.Hour, 0, true, 0},
		{"host starts again with a clock from long ago", 10 * time.Minute, -100_000 * time.Hour, true, time.Hour},
		{"agent starts again when it is over", time.Hour, 0, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			s := open(t, t.TempDir(), f)
			want := add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Hour, Factor: 2, Max: 10 * time.Hour, Renew: true}), Added)
			s = restart(t, s, f, c.away, c.reboot, c.step)
			over, _ := s.Expire()
			all := s.List()
			if c.left == 0 {
				if len(all) != 0 || len(over) != 1 || s.Events()[Event{0, Expired}] != 1 {
					t.Errorf("bans %+v, over %+v", all, over)
				}
				// It is remembered.
				if b := add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Hour, Factor: 2, Max: 10 * time.Hour}), Added); b.TTL != 2*time.Hour {
					t.Errorf("the next one is for %v", b.TTL)
				}
				return
			}
			if len(all) != 1 || all[0].Until-f.boot != c.left {
				t.Fatalf("bans %+v, want one that ends in %v", all, c.left)
			}
			got := all[0]
			got.Since, got.Until = want.Since, want.Until
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestOperatorsAreKeptFor30Days has two of them, of whom one comes again.
func TestOperatorsAreKeptFor30Days(t *testing.T) {
	const day = 24 * time.Hour
	first, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	f := newFake()
	s := open(t, t.TempDir(), f)
	s.Visit(first)
	s.Visit(second)
	for _, c := range []struct {
		what       string
		away, step time.Duration
		reboot     bool
		visit      bool // of the second, after that
		want       []netip.Addr
	}{
		{"the agent starts again", time.Minute, 0, false, false, []netip.Addr{first, second}},
		{"the host starts again", 20 * day, 0, true, true, []netip.Addr{first, second}},
		{"the first was not there again", 10 * day, 0, false, false, []netip.Addr{second}},
		{"the clock is set back", day, -1000 * day, true, false, []netip.Addr{second}},
		{"30 days by that clock", 30 * day, 0, false, false, nil},
	} {
		s = restart(t, s, f, c.away, c.reboot, c.step)
		if c.visit {
			s.Visit(second)
		}
		for range 2 {
			if got := s.Operators(); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.what, got, c.want)
			}
			s = restart(t, s, f, 0, false, 0)
		}
	}
	if text, err := os.ReadFile(s.path); err != nil || strings.Contains(string(text), "operators") {
		t.Errorf("on disk is %s, %v", text, err)
	}
}

func TestSaveWritesWhatChangedAndRenewalsLater(t *testing.T) {
	f := newFake()
	s := open(t, t.TempDir(), f)
	add(t, s, byRule("192.0.2.1/32", Terms{TTL: time.Minute, Renew: true}), Added)
	written := func() (again bool) {
		t.Helper()
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := s.Save(true); err != nil {
			t.Fatal(err)
		}
		_, err := os.Stat(s.path)
		return err == nil
	}
	for i, c := range []struct {
		pass time.Duration
		saw  bool
		want bool
	}{{0, false, true}, {time.Second, false, false}, {time.Second, true, false}, {10 * time.Second, false, true}, {20 * time.Second, false, false}} {
		f.pass(c.pass)
		if c.saw && !s.Saw(pfx("192.0.2.1/32"), f.boot) {
			t.Fatal("not renewed")
		}
		if got := written(); got != c.want {
			t.Errorf("step %d: written %v", i, got)
		}
	}
	info, err := os.Stat(filepath.Dir(s.path))
	if err != nil || info.Mode().Perm()&0o022 != 0 {
		t.Errorf("folder %v, %v", info.Mode(), err)
	}
}

func TestDamagedFileIsNotTakenForEmpty(t *testing.T) {
	for _, text := range []string{"", "{", `{"version": 2, "bans": []}`, "[]"} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, fileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(folder, newFake().clock()); err == nil {
			t.Errorf("%q: opened with %d bans", text, len(s.bans))
		}
	}
}

func TestAdoptedBanEndsAsTheKernelSays(t *testing.T) {
	f := newFake()
	s := open(t, "", f)
	s.Adopt(Row{Prefix: pfx("192.0.2.1/32"), Until: f.boot + time.Minute, Class: 1})
	s.Adopt(Row{Prefix: pfx("192.0.2.2/32"), Until: f.boot})
	if all := s.List(); len(all) != 1 || all[0].Origin != Operator || all[0].Until != f.boot+time.Minute {
		t.Errorf("bans %+v", all)
	}
}

func TestBanThatEndedWithoutAnAgentIsCountedOnce(t *testing.T) {
	for _, remember := range []bool{false, true} {
		f := newFake()
		s := open(t, t.TempDir(), f)
		terms := Terms{TTL: time.Minute}
		if remember {
			terms.Factor, terms.Max = 2, time.Hour
		}
		add(t, s, byRule("192.0.2.1/32", terms), Added)
		for agent, want := range []int{1, 0} {
			s = restart(t, s, f, 2*time.Minute, false, 0)
			if over, _ := s.Expire(); len(over) != want || s.Events()[Event{0, Expired}] != uint64(want) {
				t.Errorf("agent %d: %d over, want %d", agent, len(over), want)
			}
		}
		if n := len(s.bans); (n == 1) != remember {
			t.Errorf("%d are remembered", n)
		}
	}
}
