// Package double stands in for the servers that the annotator writes to: Grafana's
// annotations, as far as they were recorded from a real one
// (testdata/grafana-annotations.json), and the receivers of notifications with the
// limits of their documentation.
//
// Nothing here is shared with the code under test, so that an error in one shows.
package double
