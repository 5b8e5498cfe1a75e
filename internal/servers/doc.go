// Package servers runs a real Prometheus and a real Alertmanager for tests, with the
// configuration that we ship.
//
// Programs on PATH are used if there are any; otherwise Debian's are unpacked into a
// cache folder, see package debian. Those are older than what we ship for, so the
// configuration is copied without the keys that they do not know ([Version.Prometheus],
// [Version.Alertmanager]). For tests that cannot wait for minutes, a copy can also be
// made in which all times are shorter by the same factor ([Pace]).
//
// All servers listen on loopback, keep their files in the test's temporary folder,
// and end with the test, however it ends.
package servers
