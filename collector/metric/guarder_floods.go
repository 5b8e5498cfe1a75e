package metric

// mostFloods is how many rules that answer SYNs have series: as many as the kernel has room for.
const mostFloods = 256

// The rules that answer SYNs.
var (
	GuarderCookiesActive = define(Family{
		Name: "packetscope_guarder_syncookies_active", Type: Gauge, Collector: CollectorGuarder, MostSeries: mostFloods,
		Labels: []string{"group", "rule", "mode"},
		Help:   "Whether there is a flood of SYNs by the rates of a rule with the action syncookie (1): an enforced rule answers them with cookies.",
	})
	GuarderCookiesSent = define(Family{
		Name: "packetscope_guarder_syncookies_sent_total", Type: Counter, Collector: CollectorGuarder, MostSeries: mostFloods,
		Labels: []string{"group", "rule"},
		Help:   "SYNs that a rule answered with a cookie of the kernel. They are among those that it dropped, and among those that their device passed.",
	})
	GuarderCookiesLeft = define(Family{
		Name: "packetscope_guarder_syncookies_left_total", Type: Counter, Collector: CollectorGuarder, MostSeries: mostFloods,
		Labels: []string{"group", "rule"},
		Help:   "SYNs of a flood that an enforced rule left to the kernel, as that made no cookie: its queue had room, nobody listens, or the SYN was signed.",
	})
	GuarderCookiesChecked = define(Family{
		Name: "packetscope_guarder_syncookies_checked_total", Type: Counter, Collector: CollectorGuarder, MostSeries: 2 * mostFloods,
		Labels: []string{"group", "rule", "result"},
		Help:   "ACKs to listeners of no connection that a rule looked at during a flood: valid has a cookie that the kernel takes, invalid has none.",
	})
)
