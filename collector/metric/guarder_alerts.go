package metric

// The alerts that the exporter pushes itself, apart from those of Prometheus.
var (
	GuarderAlerts = define(Family{
		Name: "packetscope_guarder_alerts", Type: Gauge, Unit: "alerts",
		Labels: []string{"state"},
		Help:   "Alerts of Guarder's rules that are pending or firing. There is such a series if the configuration names Alertmanagers.",
	})
	GuarderAlertsTotal = define(Family{
		Name: "packetscope_guarder_alerts_total", Type: Counter, Unit: "alerts",
		Labels: []string{"alertmanager", "outcome"},
		Help:   "Alerts that an Alertmanager was to be told of, each time again, by what became of that: sent, failed (it did not answer, or refused) or dropped (too many waited).",
	})
	GuarderAlertQueue = define(Family{
		Name: "packetscope_guarder_alert_queue_length", Type: Gauge,
		Labels: []string{"alertmanager"},
		Help:   "Alerts that wait to be sent to an Alertmanager, at most 1024.",
	})
)
