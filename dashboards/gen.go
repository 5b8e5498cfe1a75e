package dashboards

//go:generate go run ../cmd/packetscope-dashboards write .
