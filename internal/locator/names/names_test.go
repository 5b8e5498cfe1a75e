package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A server answers after a while, and notes who asked when.
type server struct {
	takes  time.Duration
	answer func(addr string) ([]string, error)

	mu         sync.Mutex
	asked      []time.Time
	addrs      []string
	open, most int
}

var errNone = &net.DNSError{Err: "no such host", IsNotFound: true}

func (s *server) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	s.mu.Lock()
	s.asked, s.addrs = append(s.asked, time.Now()), append(s.addrs, addr)
	s.open++
	s.most = max(s.most, s.open)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.open--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(s.takes):
		return s.answer(addr)
	case <-ctx.Done():
		return nil, &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true}
	}
}

// sums returns how many were asked, are open, and were open at once.
func (s *server) sums() (asked, open, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked), s.open, s.most
}

func always(names ...string) func(string) ([]string, error) {
	return func(string) ([]string, error) { return names, nil }
}

var hop = netip.MustParseAddr("192.0.2.1")

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }

func wantName(t *testing.T, n *Names, a netip.Addr, want string) {
	t.Helper()
	if got := n.Name(a); got != want {
		t.Errorf("name of %v: %q, want %q", a, got, want)
	}
}

// pass lets time go by in a bubble of synctest, and all that is due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestNoNamesWithoutALookUp(t *testing.T) {
	var n *Names
	wantName(t, n, hop, "")
	if got := n.Counts(); got != (Counts{}) {
		t.Errorf("counts %+v", got)
	}
	n.Close()
}

func TestANameIsThereLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Second, answer: always("R1.Example.NET.")}
		n := New(Config{Resolver: s})
		defer n.Close()
		before := time.Now()
		wantName(t, n, hop, "")
		wantName(t, n, hop, "") // is asked for once
		if time.Now() != before {
			t.Error("the first call waited")
		}
		pass(time.Second)
		wantName(t, n, hop, "r1.example.net")
		// The same address in other words.
		wantName(t, n, netip.AddrFrom16(hop.As16()), "r1.example.net")
		wantName(t, n, netip.Addr{}, "")
		if got, want := n.Counts(), (Counts{Known: 1, Asked: 1, Found: 1}); got != want {
			t.Errorf("counts %+v, want %+v", got, want)
		}
		if !slices.Equal(s.addrs, []string{"192.0.2.1"}) {
			t.Errorf("asked for %v", s.addrs)
		}
	})
}

func TestAnAnswerIsAskedForAgainWhenItIsOld(t *testing.T) {
	failure := errors.New("server misbehaving")
	for name, c := range map[string]struct {
		names    []string
		err      error
		keep     time.Duration
		then     []string
		thenErr  error
		was, now string
	}{
		"found":              {[]string{"a.example"}, nil, time.Hour, []string{"b.example"}, nil, "a.example", "b.example"},
		"found, then none":   {[]string{"a.example"}, nil, time.Hour, nil, errNone, "a.example", ""},
		"found, then failed": {[]string{"a.example"}, nil, time.Hour, nil, failure, "a.example", "a.example"},
		"none":               {nil, errNone, 10 * time.Minute, []string{"b.example"}, nil, "", "b.example"},
		"failed":             {nil, failure, 10 * time.Minute, []string{"b.example"}, nil, "", "b.example"},
		"no host name":       {[]string{"<script>"}, nil, 10 * time.Minute, []string{"b.example"}, nil, "", "b.example"},
		// Go's resolver tells of those that it left out.
		"some bad": {[]string{"a.example"}, failure, time.Hour, nil, errNone, "a.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{answer: func(string) ([]string, error) { return c.names, c.err }}
				n := New(Config{Resolver: s})
				defer n.Close()
				n.Name(hop)
				synctest.Wait()
				s.answer = func(string) ([]string, error) { return c.then, c.thenErr }
				pass(c.keep - time.Nanosecond)
				wantName(t, n, hop, c.was)
				synctest.Wait()
				wantName(t, n, hop, c.was)
				if asked, _, _ := s.sums(); asked != 1 {
					t.Errorf("asked %d times before the answer was old", asked)
				}
				pass(time.Nanosecond)
				wantName(t, n, hop, c.was) // until the answer is there
				synctest.Wait()
				wantName(t, n, hop, c.now)
				if asked, _, _ := s.sums(); asked != 2 {
					t.Errorf("asked %d times, want 2", asked)
				}
			})
		})
	}
}

func TestQuestionsAreSpreadOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: always("a.example")}
		n := New(Config{Resolver: s})
		defer n.Close()
		start := time.Now()
		for i := range 50 {
			n.Name(addr(i))
		}
		pass(10 * time.Second)
		for i, at := range s.asked {
			if want := time.Duration(i) * 100 * time.Millisecond; at.Sub(start) != want {
				t.Errorf("question %d after %v, want %v", i, at.Sub(start), want)
			}
		}
		if len(s.asked) != 50 {
			t.Errorf("%d questions, want 50", len(s.asked))
		}
	})
}

func TestAtMostFourQuestionsAreOpenForThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour}
		n := New(Config{Resolver: s})
		defer n.Close()
		for i := range 23 {
			n.Name(addr(i))
		}
		pass(3*time.Second + 399*time.Millisecond)
		if asked, open, most := s.sums(); asked != 8 || open != 4 || most != 4 {
			t.Errorf("%d asked, %d open, %d at once; want 8, 4 and 4", asked, open, most)
		}
		pass(time.Minute)
		want := Counts{Known: 23, Asked: 23, Failed: 23}
		asked, _, most := s.sums()
		if got := n.Counts(); got != want || asked != 23 || most != 4 {
			t.Errorf("counts %+v, want %+v; %d asked, %d open at once", got, want, asked, most)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: always("a.example")}
		n := New(Config{Resolver: s, Queue: 5})
		defer n.Close()
		for i := range 100 {
			n.Name(addr(i))
		}
		pass(time.Minute)
		first := n.Counts()
		if first.Refused < 90 || first.Asked+first.Refused != 100 || first.Asked < 5 {
			t.Errorf("counts %+v", first)
		}
		// Who was refused can come again.
		n.Name(addr(99))
		synctest.Wait()
		wantName(t, n, addr(99), "a.example")
	})
}

func TestWhoWasUsedLongestAgoIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(addr string) ([]string, error) {
			return []string{fmt.Sprintf("a%x.example", addr)}, nil
		}}
		n := New(Config{Resolver: s, Size: 3})
		defer n.Close()
		for i := range 3 {
			n.Name(addr(i))
		}
		pass(time.Second)
		if n.Name(addr(0)) == "" { // is used again
			t.Error("no name")
		}
		n.Name(addr(3))
		pass(time.Second)
		var known []int
		for i := range 4 {
			if _, ok := n.entries[addr(i)]; ok {
				known = append(known, i)
			}
		}
		if !slices.Equal(known, []int{0, 2, 3}) || n.order.Len() != 3 || n.Counts().Known != 3 {
			t.Errorf("known are %v, %d in order", known, n.order.Len())
		}
		for i := range 1000 {
			n.Name(addr(i))
		}
		if len(n.entries) != 3 || n.order.Len() != 3 {
			t.Errorf("%d entries, %d in order", len(n.entries), n.order.Len())
		}
	})
}

func TestCloseEndsOpenQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{takes: time.Hour}
		n := New(Config{Resolver: s})
		for i := range 23 {
			n.Name(addr(i))
		}
		pass(150 * time.Millisecond) // two are open, two wait for their time
		before := time.Now()
		n.Close()
		n.Close()
		if asked, open, _ := s.sums(); time.Now() != before || asked != 2 || open != 0 {
			t.Errorf("took %v, %d asked, %d open", time.Since(before), asked, open)
		}
		n.Name(addr(99))
		synctest.Wait()
		if asked, _, _ := s.sums(); asked != 2 {
			t.Error("asked after the end")
		}
	})
}
