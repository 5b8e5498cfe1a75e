package plan

import "time"

// Config are the limits of a scheduler. The zero value of a field means its default.
type Config struct {
	// Interval is the time from round to round: 10 s.
	Interval time.Duration
	// Global is how many packets are sent in any second at most: 100.
	Global int
	// Destination is the rate of packets to one target: 2/s, 48 at once, which is a
	// discovery with its bisection. Hardly any of those at once reach the target.
	Destination Rate
	// Router is the rate at which one router is asked for errors: 1/s, 3 at once. A
	// default Linux router sends 1/s, 6 at once (net.ipv4.icmp_ratelimit,
	// XRLIM_BURST_FACTOR), and other programs of the host may ask too. J. Guo and J.
	// Heidemann (Detecting ICMP rate limiting in the Internet, PAM 2018) saw hardly
	// any limits below that.
	Router Rate
	// Window is how many TTLs beyond the farthest that answered are probed: 5. So
	// many copies reach the destination, whose own limit has a burst of 6.
	Window int
	// Gap is after how many silent TTLs the search ends: 8. Scamper ends after 5, but
	// clouds have longer tunnels.
	Gap int
	// MaxTTL is the greatest TTL that is probed one by one: 30.
	MaxTTL int
	// Spacing is the time between two probes of a discovery: 5 ms.
	Spacing time.Duration
	// Beyond is how many rounds there are to one that also probes one TTL more: 10.
	Beyond int
	// Verify is how many rounds there are to one in which a target probes its near
	// routers itself: 20.
	Verify int
	// Extra is the rate of extra probes per target: 5/s, one at once. ExtraPerHour is
	// how many there are in an hour: 300.
	Extra        Rate
	ExtraPerHour int
	// Seed splays the rounds.
	Seed uint64
}

// End is the TTL of probes that reach the destination in any case.
const End = 64

func (c Config) withDefaults() Config {
	set(&c.Interval, 10*time.Second)
	set(&c.Global, 100)
	set(&c.Destination, Rate{2, 48})
	set(&c.Router, Rate{1, 3})
	set(&c.Window, 5)
	set(&c.Gap, 8)
	set(&c.MaxTTL, 30)
	set(&c.Spacing, 5*time.Millisecond)
	set(&c.Beyond, 10)
	set(&c.Verify, 20)
	set(&c.Extra, Rate{5, 1})
	set(&c.ExtraPerHour, 300)
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
