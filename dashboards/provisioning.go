package dashboards

// The files below go to /etc/grafana/provisioning. Grafana fills in environment
// variables, so a dollar sign that is none would have to be doubled.

// SourceUID is that of the provisioned data source.
const SourceUID = "packetscope-prometheus"

// dataSources connects Grafana with Prometheus and Alertmanager on this host, or
// where the environment says. timeInterval is the scrape interval of
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
