package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const socketsOnHost = "packetscope sockets --processes"

var aboutHost = map[string]entry{
	"PacketScopeSocketOverflow": {
		means:   "An application of {host} does not read as fast as data arrives, so the kernel throws packets away at its full socket ({@kind}).",
		verdict: answer.Overload,
		weighs: []weigh{
			says("overflows_of_kind", "It throws away {}."),
			above("read_wait", 0.5, "The slowest reads leave data waiting for {}: an application is behind."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU: the host is short of CPU as a whole."),
			above("traffic_change", 2, "The packets of this host are {} what they were an hour ago."),
			below("read_wait", 0.1, "Reads are quick on the whole: the slowest leave data waiting for {}, so it may come in bursts.").but(),
		},
		checks: []check{
			ask("How long does data wait to be read?", "read_wait"), ask("Has traffic grown?", "traffic"),
			run("On the host: the port of the lost packets.", dropsOnHost), run("On the host: the process behind it.", "ss -uampn"),
		},
		steps: []string{"Give the application more CPU or threads.", "If it is only bursts, a larger receive buffer carries it over them."},
	},
	"PacketScopeSocketMemoryExhausted": {
		means:   "All sockets of a protocol on {host} together have reached the kernel's limit for memory ({@kind}). That hits every application of the host, not only the one that hoards.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("overflows_of_kind", "The kernel refuses {}."),
			says("receive_queues", "{} wait to be read."),
			says("transmit_queues", "{} wait to be sent or acknowledged."),
			above("sockets", 100000, "There are {} sockets."),
		},
		checks: []check{
			ask("Does what waits to be read grow?", "receive_queues"), run("On the host: the memory in use, beside the limits.", "cat /proc/net/sockstat"),
			run("On the host: who hoards.", socketsOnHost),
		},
		steps: []string{"Find the application whose queues are full, and restart or mend it.", "If the load is real, raise the limit of the kernel for the memory of sockets."},
	},
	"PacketScopeReadWaitHigh": {
		means:   "Data lies ready in sockets of {host} and applications do not fetch it ({@protocol}). The network has done its work: an application is busy, blocked or starved of CPU.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("read_wait_of_protocol", "In the slowest reads data had waited for {}."),
			above("socket_overflows", 1, "Sockets already run full and throw away {}.").so(answer.Overload),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU: the host is short of CPU as a whole.").so(answer.Overload),
			says("receive_queues", "{} wait to be read."),
			below("socket_overflows", 1, "Nothing of note is lost by it yet: full sockets throw away {}.").but(),
		},
		checks: []check{ask("How much waits to be read?", "receive_queues"), run("On the host: the process with a full receive queue.", socketsOnHost)},
		steps:  []string{"Look at the suspect: is it busy, blocked by a disk or a lock, or limited in its CPU?", "Give it a watch in the exporter, to see its own waiting times."},
	},
	"PacketScopeCloseWaitPiling": {
		means:   "The other ends have closed connections that an application of {host} still holds open (state close wait). It forgets to close them, or hangs, and will run out of file descriptors.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("close_wait", "{} are in this state."),
			says("established", "Beside them {} are established."),
			above("read_wait", 1, "The slowest reads leave data waiting for {}: the application may hang."),
			below("read_wait", 0.1, "Reads are quick, {} at the slowest, so it rather forgets than hangs.").but(),
		},
		checks: []check{ask("Does the number still grow?", "close_wait"), run("On the host: the process.", "ss -tnp state close-wait")},
		steps:  []string{"Restart the application before its file descriptors run out.", "Tell its authors: it must close a connection that the other end has closed."},
	},
	"PacketScopeStageSlow": {
		means:   "Packets of {host} take much longer from {@from} to {@to} on {@direction} than before, inside of the host.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("stage_time", "The slowest packets take {} for it."),
			says("stage_median", "In the middle it is {}."),
			above("netfilter_time", 0.0005, "The slowest packets spend {} in a hook of the firewall."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU.").so(answer.Overload),
			above("stage_drops", 0.001, "Of the packets {} are dropped on this stage."),
			below("softirq_wait", 0.001, "It is not for want of CPU: network softirqs wait {} at the most.").but(),
		},
		checks: []check{ask("Is it the firewall?", "netfilter_time"), ask("Is it the CPU?", "softirq_wait"), run("On the host: the CPU time that others take.", "mpstat -P ALL 1")},
		steps:  []string{"Ask what has changed on the host at that time: firewall rules, a deployment, a neighbour that takes the CPU.", "Take the change back if users suffer from it."},
	},
	"PacketScopeSoftirqWaitHigh": {
		means:   "Network softirqs ({@vector}) of {host} have to wait for a CPU, and all packets behind them wait too. A CPU is busy with interrupts or real-time tasks, or is taken away from this virtual machine.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("vector_wait", "The slowest of them wait {}."),
			above("vector_run", 0.004, "One run of them takes up to {}, which is long.").so(answer.Overload),
			above("polls_full", 0.2, "Of the polls of a device {} leave packets behind."),
			above("device_drops", 1, "The device {device} already drops {}."),
			below("polls_full", 0.05, "The network alone is no burden: {} of the polls leave packets behind.").but().so(answer.HostFault),
		},
		checks: []check{ask("Do devices drop already?", "device_drops"), ask("Has traffic grown?", "traffic"), run("On the host: soft interrupts, interrupts and stolen time by CPU.", "mpstat -P ALL 1")},
		steps:  []string{"If time is stolen, ask who runs the virtual machine for more CPU.", "Move interrupts or real-time tasks to other CPUs than those that receive."},
	},
	"PacketScopeNAPIBudgetExhausted": {
		means:   "When the kernel fetches packets from {@device} of {host}, there are more than it takes at once: the CPU of that queue is at its limit. Drops come next.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("device_polls_full", "Of its polls {} leave packets behind."),
			above("drops_of_device", 1, "The device already drops {}."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU."),
			above("traffic_change", 2, "The packets of this host are {} what they were an hour ago."),
			below("drops_of_device", 1, "Nothing of note is lost yet: the device drops {}.").but(),
		},
		checks: []check{ask("Does the device drop?", "drops_of_device"), ask("Has traffic grown?", "traffic"), run("On the host: how many queues the card has.", "ethtool -l DEVICE")},
		steps:  []string{"Spread the load over more queues of the card, or over more CPUs in software.", "If it is a flood, drop it in the driver, as Guarder does."},
	},
	"PacketScopeQdiscWaitHigh": {
		means:   "Packets of {host} wait long in the queue of {@device} before they are sent: more is sent than the link, or a limit set on it, lets through.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("qdisc_wait", "The slowest packets wait {}."),
			says("sent_bytes", "The host sends {}."),
			above("driver_time", 0.001, "The driver takes {} to accept a packet, so the card itself is slow.").so(answer.HostFault),
			above("drops_of_device", 1, "On transmit the device drops {}."),
			below("driver_time", 0.0001, "The card is quick: its driver accepts a packet in {}.").but(),
		},
		checks: []check{
			ask("How much is sent?", "sent_bytes"), run("On the host: the backlog of the queue.", "tc -s qdisc show dev DEVICE"),
			run("On the host: who sends most.", "packetscope flows --sort rate"),
		},
		steps: []string{"If one transfer fills the link, limit it or move it to another time.", "If a limit is set on the device, ask whether it is still right."},
	},
	"PacketScopeNetfilterSlow": {
		means:   "The firewall of {host} takes long for a packet at the {@family} hook {@hook}. Every packet through it waits. Long lists of rules are the usual cause.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("hook_time", "The slowest packets spend {} in it."),
			says("hook_packets", "{} are timed there."),
			above("hook_drops", 100, "Its rules drop {}, so many packets may walk through all of them.").hints(answer.VolumetricAttack),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU, so it may be the CPU and not the rules.").but().so(answer.Overload),
		},
		checks: []check{ask("How much do the rules drop?", "hook_drops"), ask("Is it the CPU?", "softirq_wait"), run("On the host: the rules.", "nft list ruleset")},
		steps:  []string{"Let established connections pass first.", "Put long lists of addresses and ports into sets and maps."},
	},
}
