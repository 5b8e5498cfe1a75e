// Package exporter asks exporters of PacketScope for what Prometheus has no labels for: whom
// the rules of Guarder hit on a host, and with whom that host talks.
//
//	e, err := exporter.New([]exporter.Options{{Instance: "web-1:10142", Options: remote.Options{URL: "https://web-1:10142"}}})
//	offenders, err := e.Offenders(ctx, alert.Labels["instance"])
//
// Where to ask is what the operator has written, and nothing else: an alert chooses among the
// exporters by its label instance, which is compared as a whole, and cannot name another
// address. What is asked for is read only; there is no way from here to change anything at
// Guarder.
//
// An answer is a stranger's: it is bounded, an entry that has not its form refuses it as a
// whole, and names in it are no more than words.
//
// # Thread Safety
//
// Exporters may be used from any goroutine.
package exporter
