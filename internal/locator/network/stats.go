package network

// Stats are counts since [Open].
type Stats struct {
	// Way is Raw or Queue. Reason says why it is not Raw, "" if it is or was not asked
	// for.
	Way    Way
	Reason string
	// Sent are the probes that the kernel took.
	Sent uint64
	// Late answers came after the timeout but before twice that. Duplicates are further
	// answers to a probe that had one.
	Late, Duplicates uint64
	// Unmatched are packets that look like an answer but to no known probe.
	Unmatched uint64
	// Dropped are packets that the kernel had no room for, before this saw them.
	Dropped uint64
	// Timestamps tells by which clock answered probes were sent and received.
	Timestamps Timestamps
}

// Timestamps are by direction.
type Timestamps struct{ TX, RX Clocks }

// Clocks count the kernel's stamps and what the process read itself for want of
// one or after a step of the clock.
type Clocks struct{ Kernel, User uint64 }

func (c *Clocks) count(kernel bool) {
	if kernel {
		c.Kernel++
	} else {
		c.User++
	}
}
