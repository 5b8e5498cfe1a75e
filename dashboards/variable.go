package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

type variable = cog.Builder[dashboard.VariableModel]

// steps are the values of $interval: the finest step that queries take. Grafana
// takes coarser ones by itself when there are more points than pixels.
const steps = "15s,30s,1m,5m,15m,1h"

// variables are those that every board has; a link from board to board keeps
// their values.
func variables() []variable {
	return []variable{
		dashboard.NewDatasourceVariableBuilder("datasource").
			Label("Data source").
			Description("The Prometheus that scrapes PacketScope.").
			Type("prometheus").
			Current(option("default", "default")),
		selection("cluster", "Cluster", "Clusters, if the scrape configuration names any.",
			`label_values(packetscope_build_info, cluster)`, ".*"),
		selection("job", "Job", "The scrape job.",
			`label_values(packetscope_build_info{cluster=~"$cluster"}, job)`, ".+"),
		selection("instance", "Host", "The hosts whose exporters are shown, added up unless a panel says otherwise.",
			`label_values(packetscope_build_info{cluster=~"$cluster",job=~"$job"}, instance)`, ".+"),
		dashboard.NewCustomVariableBuilder("interval").
			Label("Finest step").
			Description("No point stands for less time than this. Raise it to see trends instead of peaks.").
			Values(dashboard.StringOrMap{String: cog.ToPtr(steps)}).
			Current(option("15s", "15s")),
		explainedHosts(),
	}
}

// explainedHosts are the tags that annotations of the chosen hosts have, which nobody chooses: a
// query of annotations takes the tags of a variable as they are, and can put nothing in front
// of each of several. Hosts are without their ports, as a colon would end a tag, and those
// of the whole range, as an explanation is of use when its host is down.
func explainedHosts() variable {
	const tags = `query_result(label_replace(group by (instance) (last_over_time(packetscope_build_info{<host>}[$__range])), "tag", "host:$1", "instance", "(.+?)(:[0-9]+)?"))`
	return dashboard.NewQueryVariableBuilder("explained").
		Label("Explained hosts").
		Description("Tags of the explanations that are shown: those of the chosen hosts.").
		Datasource(source).
		Query(dashboard.StringOrMap{Map: map[string]any{
			"query": expand(tags), "qryType": 3, "refId": "PrometheusVariableQueryEditor-VariableQuery",
		}}).
		Definition(expand(tags)).
		Regex(`/tag="([^"]+)"/`).
		Hide(dashboard.VariableHideHideVariable).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortNaturalAsc).
		Multi(true).IncludeAll(true).
		Current(options([]string{"All"}, []string{"$__all"}))
}

// watchVariable chooses watches; packets of no watch have an empty one.
func watchVariable() variable {
	return selection("watch", "Watch", "Packets that a watch of the configuration matches; All are those of no watch too.",
		`label_values(packetscope_packets_total{<host>}, watch)`, ".*")
}

// pathVariables choose among the destinations of paths, and the one of which details are
// shown.
func pathVariables() []variable {
	const destinations = `packetscope_locator_destination_info{<host>,protocol=~"$protocol",family=~"$family"}`
	return []variable{
		selection("protocol", "Protocol", "The protocol of the probes.",
			`label_values(packetscope_locator_destination_info{<host>}, protocol)`, ".+"),
		selection("family", "Family", "The family of addresses.",
			`label_values(packetscope_locator_destination_info{<host>}, family)`, ".+"),
		selection("dest", "Destination", "Destinations by their names in the configuration, and those that the exporter found itself.",
			"label_values("+destinations+", dest)", ".+"),
		selection("route", "Route to", "The one destination whose hops and line on the map are shown. If several hosts or protocols measure it, the first of them; choose one to see another.",
			"label_values("+destinations+", dest)", "").
			Multi(false).IncludeAll(false),
	}
}

// selection chooses among the values of a label. What "All" stands for is a
// pattern, so that it costs nothing and leaves nothing to escape.
func selection(name, label, description, values, all string) *dashboard.QueryVariableBuilder {
	values = expand(values)
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Description(description).
		Datasource(source).
		Query(dashboard.StringOrMap{Map: map[string]any{
			"query": values, "qryType": 1, "refId": "PrometheusVariableQueryEditor-VariableQuery",
		}}).
		Definition(values).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortNaturalAsc).
		Multi(true).IncludeAll(true).AllValue(all).
		Current(options([]string{"All"}, []string{"$__all"}))
}

func option(text, value string) dashboard.VariableOption {
	return dashboard.VariableOption{
		Selected: cog.ToPtr(true),
		Text:     dashboard.StringOrArrayOfString{String: &text},
		Value:    dashboard.StringOrArrayOfString{String: &value},
	}
}

func options(texts, values []string) dashboard.VariableOption {
	return dashboard.VariableOption{
		Selected: cog.ToPtr(true),
		Text:     dashboard.StringOrArrayOfString{ArrayOfString: texts},
		Value:    dashboard.StringOrArrayOfString{ArrayOfString: values},
	}
}
