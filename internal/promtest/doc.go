// Package promtest is a Prometheus server small enough for a unit test: it
// scrapes with the server's parser, keeps the samples in memory and evaluates
// queries with the server's engine.
//
//	db := promtest.New()
//	err := db.Scrape(now, body, contentType, labels.FromStrings("job", "x", "instance", "a"))
//	vector, warnings, err := db.Instant(`rate(x_total[1m])`, now)
//
// What a query returns here is what a server with
// scrape_native_histograms and always_scrape_classic_histograms returns. The
// parts of a server that this leaves out are the time-series database (samples
// are in slices), discovery and staleness markers: a series that is not scraped
// any more ends by the look-back of five minutes.
//
// [Rules] evaluates recording and alerting rules on a DB, as time goes on. A
// [RuleTestFile] is a file of unit tests in the format of promtool, on which it gives
// the same verdict.
//
// # Thread Safety
//
// A [DB] may be queried from several goroutines as long as nobody adds to it.
package promtest
