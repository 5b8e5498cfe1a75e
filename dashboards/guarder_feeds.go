package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// feedPanels show the lists of addresses that others keep.
func feedPanels() []panel {
	return []panel{feedPackets(), feedAges(), feedEntries(), feedRefusals(), feedTable()}
}

func feedPackets() panel {
	return stack("Packets from listed addresses", unitPackets,
		"Packets whose source a feed lists, the ten feeds with most. drop: it was kept away; would_drop: the feed is audited, and it passed; count: the feed only counts. A feed that suddenly drops much may list what it should not: packetscope guard top on the host names the sources, and a set under protect keeps them off every list.",
		over("topk(10, "+total(metric.GuarderFeedPackets.Name, "feed, verdict", "")+")", "{{feed}} ({{verdict}})"))
}

func feedAges() panel {
	return lines("Age of lists", unitSeconds,
		"Time since the source of each feed sent a good list, or said that it is the same, the ten oldest. It grows until refresh and falls again; one that goes on growing cannot be fetched, or sends what is refused, and what it lists is from then.",
		over("topk(10, max by (instance, feed) (time() - "+metric.GuarderFeedLastSuccess.Name+"{<host>}))", "{{feed}} of {{instance}}"))
}

func feedEntries() panel {
	return lines("Entries of feeds", unitCount,
		"Addresses and prefixes of the last good list of each feed, the ten longest. A list that shrinks to a part from one day to the next has lost something; min_entries and max_entries of the feed bound what is taken.",
		over("topk(10, max by (feed) ("+metric.GuarderFeedEntries.Name+"{<host>}))", "{{feed}}"))
}

func feedRefusals() panel {
	return lines("Lists that were refused", unitEvents,
		"Attempts to read a list that failed, or whose list was refused, by the reason, the ten most frequent. The list before stays in force. packetscope guard status on the host says what was wrong; the runbook of PacketScopeGuardFeedRefused says what to do.",
		over("topk(10, "+total(metric.GuarderFeedRefusals.Name, "feed, reason", "")+" > 0)", "{{feed}}: {{reason}}"))
}

// feedTable has a row for each feed of each host.
func feedTable() panel {
	const by = "sum by (instance, feed) "
	return withColumns(grid("Feeds",
		"Each feed of each host: what it does with packets from listed addresses, how many entries its last good list has, how many of those must never be listed and are left out, and whether it is in force. With a reason the last list was refused, or could not be read.",
		rows("feeds", "sum by (instance, feed, mode, action) ("+metric.GuarderFeedInfo.Name+"{<host>})"),
		rows("entries", by+"("+metric.GuarderFeedEntries.Name+"{<host>})"),
		rows("excluded", by+"("+metric.GuarderFeedExcluded.Name+"{<host>})"),
		rows("force", by+"("+metric.GuarderFeedInForce.Name+"{<host>})"),
		rows("age", "max by (instance, feed) (time() - "+metric.GuarderFeedLastSuccess.Name+"{<host>})"),
		rows("stale", "max by (instance, feed) ("+metric.GuarderFeedStaleAfter.Name+"{<host>})"),
		rows("refused", "sum by (instance, feed, reason) ("+metric.GuarderFeedRefused.Name+"{<host>})"),
	).Height(tallHeight).NoValue("no policy has a feed"), 2,
		col("instance", "Host", linkTo("Open the drops of this host", uid("drops"), rowHost)),
		col("feed", "Feed"),
		col("mode", "Mode", widthOf(90)).with(valueColours("mode")),
		col("action", "Action", widthOf(90)),
		col("Value #feeds", ""),
		col("Value #entries", "Entries"),
		col("Value #excluded", "Left out"),
		col("Value #force", "In force", widthOf(90)),
		col("Value #age", "Age", unitOf(unitSeconds), widthOf(120)),
		col("Value #stale", "Old from", unitOf(unitSeconds), widthOf(120)),
		col("reason", "Refused, as"),
		col("Value #refused", ""),
	)
}

func feedMemory() panel {
	return lines("Memory of feeds", unitBytes,
		"Memory of the kernel that the lists in force take, the ten hosts with most. A million addresses take some 14 MB; while a new table is brought in it is twice as much.",
		over("topk(10, max by (instance) ("+metric.GuarderFeedMemory.Name+"{<host>}))", "{{instance}}")).
		Span(width)
}
