// Package e2e tests the whole: the real exporter with its probes in this kernel, a
// real Prometheus with our scrape configuration and rules, and a real Alertmanager
// with our routes, which tells the test.
//
// A copy of the configuration runs 60 times faster than what we ship, see
// servers.Pace; nothing else of it is changed but addresses, and keys that an old
// server does not know. "make e2e" runs it as root, on a host that is idle.
package e2e
