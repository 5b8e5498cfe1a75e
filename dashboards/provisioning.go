package dashboards

// The files below go to /etc/grafana/provisioning. Grafana fills in environment
// variables, so a dollar sign that is none would have to be doubled.

// SourceUID is that of the provisioned data source.
const SourceUID = "packetscope-prometheus"

// dataSources connects Grafana with Prometheus, Alertmanager and Tempo on this host, or
// where the environment says. Tempo, which has traces of single packets, is there only
// if it was asked for; nothing else uses it. From the root span of a packet it leads to
// what was measured of all packets of the same protocol and direction: tags names
// attributes of spans, and the labels that have the same values. timeInterval is the scrape interval of
// rules/prometheus/prometheus.yml: without it $__rate_interval would be too short
// for two scrapes to fall into it.
const dataSources = `# Made by packetscope-dashboards; edit dashboards/provisioning.go instead.
apiVersion: 1
datasources:
  - name: Prometheus
    uid: packetscope-prometheus
    type: prometheus
    access: proxy
    url: ${PROMETHEUS_URL}
    isDefault: true
    editable: false
    jsonData:
      httpMethod: POST
      timeInterval: 15s
      prometheusType: Prometheus
      prometheusVersion: 3.16.0
      manageAlerts: true
      alertmanagerUid: packetscope-alertmanager
  - name: Alertmanager
    uid: packetscope-alertmanager
    type: alertmanager
    access: proxy
    url: ${ALERTMANAGER_URL}
    editable: false
    jsonData:
      implementation: prometheus
      handleGrafanaManagedAlerts: false
  - name: Tempo
    uid: packetscope-tempo
    type: tempo
    access: proxy
    url: ${TEMPO_URL}
    editable: false
    jsonData:
      tracesToMetrics:
        datasourceUid: packetscope-prometheus
        spanStartTimeShift: -5m
        spanEndTimeShift: 5m
        tags:
          - {key: network.transport, value: protocol}
          - {key: network.io.direction, value: direction}
        queries:
          - name: Packets by layer
            query: sum by (layer) (rate(packetscope_packets_total{$$__tags}[$$__rate_interval]))
          - name: Time between layers, 99 % are faster
            query: histogram_quantile(0.99, sum by (from, to, le) (rate(packetscope_stage_duration_seconds_bucket{$$__tags}[$$__rate_interval])))
          - name: Drops by reason
            query: sum by (reason) (rate(packetscope_drops_total{$$__tags}[$$__rate_interval]))
`

// provider loads the boards from the folder that they are mounted at, and again
// when a file changes.
const provider = `# Made by packetscope-dashboards; edit dashboards/provisioning.go instead.
apiVersion: 1
providers:
  - name: PacketScope
    folder: PacketScope
    type: file
    disableDeletion: true
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      path: /etc/grafana/dashboards
      foldersFromFilesStructure: false
`
