// Package change tells when a path has changed.
//
// That another router answers than before says little: flows are balanced over
// several, balancers are rebuilt, routers fall silent. A [Detector] learns who answers
// which flow at which TTL. When somebody unknown answers three times in a row, it asks for
// probes of fresh flows at that TTL ([Detector.Tick]) until it is sure, by the
// stopping rule of package mda, that none of those known before answers any more. Then
// the path has moved; if one of them does, it has only become wider. No answer is no
// information, and never makes a change; so one whose new routers are all silent is not
// told, and of Length only what comes with other routers.
//
// That holds as far as branches are known. Without an enumeration ([Detector.Known]) only
// those are that flows of the rounds took; if they took one alone and it is gone, nothing
// tells that from a path that moved. In 3600 simulated acts, half of them without an
// enumeration, that made 2 false changes, and nothing else did.
//
// What moved at about the same time, at all TTLs and for all flows, is one [Event],
// with the levels at which the path differs. If the former path comes back within ten
// minutes, that is counted as flap and is no change.
//
// Whether the destination answers, and how fast, are levels of their own. For the RTT
// the medians of one flow are compared, as R. Fontugne, C. Pelsser, E. Aben and R. Bush
// do (Pinpointing delay and forwarding anomalies using large-scale traceroute
// measurements, IMC 2017).
//
// # Thread Safety
//
// A Detector is for one goroutine, and knows no clock.
package change
