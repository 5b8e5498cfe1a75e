// Package geo tells where an address is and whose it is, from files on this host.
//
// It asks nobody: a hop that were sent to a web service would tell that service who
// talks to whom. It works without any file, too; then addresses have a [Kind] only.
//
//	atlas := geo.Open(geo.Config{
//		Databases: []string{"GeoLite2-City.mmdb", "GeoLite2-ASN.mmdb"},
//		Overrides: []string{"networks.yaml"},
//	})
//	go atlas.Watch(ctx)
//	entry := atlas.Lookup(addr) // entry.Country, entry.ASN, entry.Point()
//
// # Databases
//
// A database is a file in MaxMind's format (.mmdb) with records of any of these
// layouts, told apart by what is in them and not by the name of the file:
//
//   - GeoLite2 and GeoIP2 City, Country, Enterprise, ASN and ISP, and DB-IP's, which
//     have the same keys: a country is a map with iso_code and names, coordinates are
//     in location.
//   - IPinfo's, which are flat: country is a name beside country_code (Lite), or a code
//     beside country_name (the older ones); an AS number is the text "AS13335";
//     coordinates are numbers, or texts in the older ones.
//   - What [Builder] writes: countries, and AS numbers, by the registries' own files.
//
// Files are read into memory and not mapped: a mapped file that somebody truncates
// kills the process (SIGBUS). When a file changes it is read again; if the new one is
// bad the old data stay in force, and [Status] says so. No database comes with this
// program: their licences do not allow it, and old ones mislead.
//
// # Order
//
// Overrides come first, then the databases in the order in which they were given. The
// first that knows the country, or the AS, is believed; the later ones add only what
// does not contradict it. Addresses that are not public are looked up in the overrides
// only, whatever a database says.
//
// # Blocklists
//
// [Blocklists] tells in the same way whether an address or an AS is on a list, such as
// Spamhaus's DROP, and says [Unknown] where no list could tell.
//
// # Thread Safety
//
// Look-ups and Status of an [Atlas] and of [Blocklists] may be called from any goroutine
// at any time, also while files are read again. A [Trie] must not be changed while it is
// read.
package geo
