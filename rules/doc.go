// Package rules holds what Prometheus makes of PacketScope's metrics: recording
// rules, which dashboards of a fleet read, and alerts with their runbook.
//
// The rules are the files in prometheus/, which a server loads as they are
// (rule_files: packetscope-*.rules.yaml and packetscope-*.alerts.yaml). [Files]
// embeds them; [Recordings] and [Alerts] give them as Go types for programs that
// name a recorded series or explain an alert, and [Catalogue] lets queries be
// checked against them. README.md is the runbook.
//
// Every rule has a test in prometheus/tests, in the format of promtool.
package rules
