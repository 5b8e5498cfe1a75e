package posture

// A State is the outcome of a check.
type State uint8

// The states. Unknown is what could not be read, or what the settings alone do not
// decide.
const (
	Unknown State = iota
	OK
	Exposed
)

// States lists every state.
var States = []State{OK, Exposed, Unknown}

// String returns the state as it stands in metrics.
func (s State) String() string {
	switch s {
	case OK:
		return "ok"
	case Exposed:
		return "exposed"
	}
	return "unknown"
}

func exposedIf(bad bool) State {
	if bad {
		return Exposed
	}
	return OK
}

// A Scope is what a check is about.
type Scope uint8

// The scopes: the network namespace or machine, or each device for a version of IP.
const (
	Whole Scope = iota
	Device4
	Device6
)

// A Check is one question about the settings.
type Check struct {
	// Name is that of the main setting. Those of devices for IPv6 begin with "ipv6_",
	// unless IPv4 has none of the name.
	Name  string
	Scope Scope
	// Attack is what the setting decides about, with its source.
	Attack string
	// Right tells which value is right, and when another one is.
	Right string
	// Cure are arguments of "sysctl -w", with DEVICE for the name of the device.
	Cure string
	// judge returns the value that the kernel acts on and what to think of it. It is nil
	// for [PMTUExceptions].
	judge func(*values) (int, State)
}

// Checks returns all checks, in the order in which people are shown them.
func Checks() []Check {
	all := append([]Check(nil), deviceChecks...)
	all = append(all, neighbourChecks...)
	all = append(all, tcpChecks...)
	all = append(all, packetChecks...)
	return append(all, exceptionsCheck)
}
