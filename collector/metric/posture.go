package metric

// CollectorPosture is the name of the collector that tells how exposed the host is.
const CollectorPosture = "posture"

// How exposed the host is. The values of check and state are the names in package
// posture.
var (
	PostureState = define(Family{
		Name: "packetscope_posture_state", Type: Gauge, Collector: CollectorPosture,
		Labels: []string{"check", "device", "state"},
		Help: "1 for the state that a check of the host's settings is in: ok, exposed to the attack that it is about, or unknown if that cannot be said. " +
			"The device is empty for what the settings of devices do not decide; ends of veth pairs are together under \"veth\" and devices beyond 16 under \"other\", in the worst state of them.",
	})
	PostureValue = define(Family{
		Name: "packetscope_posture_value", Type: Gauge, Collector: CollectorPosture,
		Labels: []string{"check", "device"},
		Help: "The value that the kernel acts on: of a device's setting that combined with the setting for all devices. " +
			"It is absent if it could not be read, and for veth and other.",
	})
	PosturePMTUExceptions = define(Family{
		Name: "packetscope_posture_pmtu_exceptions", Type: Gauge, Unit: "exceptions", Collector: CollectorPosture,
		Labels: []string{"family", "mtu"},
		Help: "Destinations whose path MTU the kernel has learned: at the least that it accepts or locked (floor; 552 bytes over IPv4, which forged ICMP leaves behind, and 1280 over IPv6) or above it. " +
			"65536 are looked at.",
	})
)
