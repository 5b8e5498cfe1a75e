// Package alertmanager holds the configuration that PacketScope ships for
// Prometheus' Alertmanager: who hears of which alert, how soon, and which alerts
// keep silent because another one says it already.
//
// The file works as it is: alerts are grouped, inhibited and shown in Alertmanager
// and Grafana, and nobody is notified, because every receiver is empty. Each has an
// example that is commented out; see README.md.
package alertmanager

import _ "embed"

// Config is alertmanager.yml, for Alertmanager 0.28 or newer.
//
//go:embed alertmanager.yml
var Config string
