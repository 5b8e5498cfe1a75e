package box_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
	"github.com/packetscope/packetscope/internal/wire"
)

// probes returns one probe as bytes for each TTL of the path and one more.
func probes(t testing.TB, s *box.Scenario, r box.Run) (all [][]byte) {
	t.Helper()
	flow := s.Flows(r)(0)
	for ttl := 1; ttl <= len(s.Hops)+1; ttl++ {
		p := wire.Probe{Flow: flow, TTL: uint8(ttl), ID: uint16(ttl)}
		b, err := p.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// responses returns all that a new box answers to packets, one each second.
func responses(s *box.Scenario, packets [][]byte) (all []box.Response) {
	start := time.Unix(1e9, 0)
	b := box.New(s, start)
	for i, p := range packets {
		all = append(all, b.Packet(start.Add(time.Duration(i)*time.Second), p)...)
	}
	return all
}

func TestSameSeedAnswersTheSame(t *testing.T) {
	for name, s := range scenarios(t) {
		for _, r := range s.Runs {
			packets := slices.Repeat(probes(t, s, r), 20)
			if first, second := responses(s, packets), responses(s, packets); !reflect.DeepEqual(first, second) {
				t.Errorf("%s, %s (-first +second):\n%s", name, r, cmp.Diff(first, second))
			}
		}
	}
}

// A box answers only whole questions to its destination, and the others take no part in
// its chance: what comes back from the questions between them is the same.
func TestOtherPacketsChangeNothing(t *testing.T) {
	for _, name := range []string{"loss", "garbage", "balanced_packets", "plain"} {
		s := scenarios(t)[name]
		for _, r := range s.Runs {
			var plain, mixed [][]byte
			for _, p := range slices.Repeat(probes(t, s, r), 20) {
				plain = append(plain, p)
				mixed = append(mixed, p)
				mixed = append(mixed, others(p)...)
			}
			start := time.Unix(1e9, 0)
			var want, got []box.Response
			a, b := box.New(s, start), box.New(s, start)
			for _, p := range plain {
				want = append(want, a.Packet(start, p)...)
			}
			for _, p := range mixed {
				got = append(got, b.Packet(start, p)...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-plain +mixed):\n%s", name, r, diff)
			}
		}
	}
}

// others returns what no router or host answers a packet of its kind: it is cut at each
// place, a bit of its checksums is wrong, or it goes to somebody else.
func others(p []byte) (all [][]byte) {
	for n := range p {
		all = append(all, p[:n])
	}
	damage := func(at int) {
		b := slices.Clone(p)
		b[at] ^= 1
		all = append(all, b)
	}
	damage(len(p) - 1) // of what the checksum of the transport takes in
	if p[0]>>4 == 4 {
		damage(10) // the checksum of the header
		damage(19) // the destination
	} else {
		damage(39)
	}
	return all
}

func TestLossIsAsOften(t *testing.T) {
	s := scenarios(t)["loss"]
	r := s.Runs[0]
	const sent = 20000
	for ttl, share := range map[int]float64{1: 1, 2: 0.7, 3: 0.49, 4: 0} {
		got := len(responses(s, slices.Repeat(probes(t, s, r)[ttl-1:ttl], sent)))
		// Five standard deviations of 20,000 draws are at most 1.8 percent.
		if f := float64(got) / sent; f < share-0.018 || f > share+0.018 {
			t.Errorf("TTL %d: %.3f are answered, want %.3f", ttl, f, share)
		}
	}
}

func TestJitterIsUniform(t *testing.T) {
	const file = `version: 1
addresses: {host: 192.0.2.1, dest: 203.0.113.9}
runs: udp4
hops: {router: dest, delay: 10ms, jitter: 8ms}
probes: {ttl: 1}
expect: {}
`
	s, err := box.Parse("jitter.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	all := responses(s, slices.Repeat(probes(t, s, s.Runs[0])[:1], 10000))
	var total time.Duration
	least, most := time.Hour, time.Duration(0)
	for _, r := range all {
		total += r.After
		least, most = min(least, r.After), max(most, r.After)
	}
	// Two draws of up to 8 ms: a triangle from 20 to 36 ms whose mean has a standard
	// deviation of 3.27 ms / sqrt(10000).
	mean := total / time.Duration(len(all))
	if len(all) != 10000 || least < 20*time.Millisecond || least > 21*time.Millisecond ||
		most < 35*time.Millisecond || most > 36*time.Millisecond ||
		mean < 27800*time.Microsecond || mean > 28200*time.Microsecond {
		t.Errorf("%d answers from %v to %v, mean %v; want 10000 from 20ms to 36ms, mean 28ms", len(all), least, most, mean)
	}
}
