// Package e2e tests the whole: the real exporter with its probes in this kernel, Guarder
// on a device of its own, a real Prometheus with our scrape configuration and rules, and
// a real Alertmanager with our routes, which tells the test. Where it tells the real
// annotator instead, Grafana and the model are doubles.
//
// The configuration is a copy of what we ship, in which time runs 60 times faster (see
// servers.Pace), the annotator is switched on, all receivers are the test, addresses
// are free ones, and keys are left out that an old server does not know. Nothing else
// is changed.
//
// All of it runs in a network namespace of its own, and the exporter measures nothing
// else; for paths it lives in the first namespace of a path. "make e2e" runs it, as root.
package e2e
