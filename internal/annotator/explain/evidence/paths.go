package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

// path are the labels of one path in a template.
const path = `$host,$dest,$protocol,$family`

// What alerts about one path ask for.
var (
	pathReached = Query{Name: "reached", Says: "whether the destination answers", Expr: `packetscope_locator_path_reached{` + path + `}`, Unit: fact.State}
	pathLoss    = Query{Name: "path_loss", Says: "the loss to the destination", Expr: `packetscope_locator_loss_ratio{` + path + `}`, Unit: fact.Ratio}
	pathLossLow = Query{Name: "path_loss_low", Says: "the loss that is certain", Expr: `packetscope_locator_loss_low_ratio{` + path + `}`, Unit: fact.Ratio}
	pathRTT     = Query{Name: "path_rtt", Says: "the round trip to the destination", Expr: `packetscope_locator_rtt_median_seconds{` + path + `}`, Unit: fact.Seconds}
	pathJitter  = Query{Name: "path_jitter", Says: "how much round trips differ", Expr: `packetscope_locator_jitter_seconds{` + path + `}`, Unit: fact.Seconds}
	pathHops    = Query{Name: "path_hops", Says: "the distance of the destination", Expr: `packetscope_locator_path_hops{` + path + `}`, Unit: fact.Hops}
	pathChanged = Query{Name: "since_change", Says: "since when the path is as it is", MayBeEmpty: true, Expr: `time() - packetscope_locator_path_last_change_timestamp_seconds{` + path + `}`, Unit: fact.Seconds}
	pathBlocked = Query{Name: "blocked", Says: "why somebody refuses to forward", MayBeEmpty: true, Expr: `packetscope_locator_path_blocked{` + path + `}`, Text: "reason"}
	pathLossy   = Query{Name: "lossy_from", Says: "from which distance on packets get lost", MayBeEmpty: true,
		Expr: `bottomk(1, packetscope_locator_ttl_path_rtt_seconds{` + path + `} and packetscope_locator_ttl_lossy{` + path + `} == 1)`, Text: "ttl"}
	pathLimited = Query{Name: "hops_limiting", Says: "the distances whose routers limit their answers", MayBeEmpty: true,
		Expr: `count(packetscope_locator_ttl_icmp_limited{` + path + `} == 1)`}
	othersReached = Query{Name: "reached_share", Says: "the share of destinations that answer",
		Expr: `avg(packetscope_locator_path_reached{$host})`, Unit: fact.Ratio}
	othersLoss = Query{Name: "loss_most", Says: "the loss of the worst destination", Expr: `instance:packetscope_locator_loss_ratio:max{$host}`, Unit: fact.Ratio}
	countries  = Query{Name: "countries", Says: "the countries on the path",
		Expr: `count by (country) (packetscope_locator_hop_info{` + path + `,country!=""})`, Text: "country"}
	networks = Query{Name: "networks", Says: "the networks on the path",
		Expr: `count by (asn) (packetscope_locator_hop_info{` + path + `,asn!=""})`, Text: "asn"}
	riskFactors = Query{Name: "risk_points", Says: "what speaks against the path", MayBeEmpty: true,
		Expr: `topk(5, sum by (factor) (packetscope_locator_risk_points{` + path + `}))`, Unit: fact.Points, By: []string{"factor"}}
	riskScore = Query{Name: "risk_score", Says: "the risk of the path", Expr: `packetscope_locator_risk_score{` + path + `}`, Unit: fact.Points}
	implaus   = Query{Name: "hops_implausible", Says: "the hops that cannot be where a database has them",
		Expr: `sum(packetscope_locator_hop_geo_implausible{` + path + `})`}
	passiveLoss = Query{Name: "passive_retransmits", Says: "the retransmits of real connections to the destination",
		Expr: `max(packetscope_locator_passive_retransmit_ratio{$host,$dest})`, Unit: fact.Ratio}
	firstHop = Query{Name: "first_hop_loss", Says: "the probes that the first router does not answer",
		Expr: `avg(packetscope_locator_ttl_loss_ratio{$host,ttl="1",kind="path"})`, Unit: fact.Ratio}
)

// changes counts the changes of a path of one kind.
func changes(kind string) Query {
	return Query{Name: "changes", Says: "the changes of the path",
		Expr: `round(sum(increase(packetscope_locator_path_changes_total{` + path + `,kind="` + kind + `"}[1h])))`, Window: Baselines[0]}
}

var ofPaths = map[string][]Query{
	"PacketScopePathUnreachable":    {with(pathReached), othersReached, pathBlocked, firstHop, pathChanged, with(pathHops)},
	"PacketScopePathAllUnreachable": {with(othersReached), firstHop, with(traffic), deviceDrops, policyDrops},
	"PacketScopePathLoss":           {with(pathLossLow), pathLoss, pathLossy, pathLimited, passiveLoss, othersLoss, with(pathRTT)},
	"PacketScopePathRTTJump":        {with(pathRTT), pathLossLow, pathChanged, with(pathHops), pathJitter, roundTrip},
	"PacketScopePathJitterHigh": {with(pathJitter), with(pathRTT), pathLossLow, roundTrip,
		{Name: "user_clock", Says: "the share of times that the exporter takes itself",
			Expr: `sum(rate(packetscope_locator_timestamps_total{$host,clock="user"}[5m])) / (sum(rate(packetscope_locator_timestamps_total{$host}[5m])) > 0)`, Unit: fact.Ratio, Window: five}},
	"PacketScopePathCountryChanged": {changes("country"), countries, networks, with(pathRTT), implaus, riskScore},
	"PacketScopePathASChanged":      {changes("as"), networks, countries, with(pathRTT), pathLossLow, riskScore},
	"PacketScopePathFlapping":       {with(changes("flap")), pathLossLow, pathRTT, pathJitter, outOfOrder},
	"PacketScopePathBlackHole": {
		{Name: "black_hole", Says: "whether large packets vanish", Expr: `packetscope_locator_path_mtu_black_hole{` + path + `}`, Unit: fact.State, Baseline: true},
		{Name: "path_mtu", Says: "the largest packet that gets through", Expr: `packetscope_locator_path_mtu_bytes{` + path + `}`, Unit: fact.Bytes},
		{Name: "mtu_hop", Says: "the distance of the router behind which they vanish", MayBeEmpty: true, Expr: `packetscope_locator_path_mtu_link_hops{` + path + `}`, Unit: fact.Hops},
		pathLossLow, retransmits,
	},
	"PacketScopePathBlocked": {pathBlocked, with(pathReached), othersReached, pathHops, pathChanged},
	"PacketScopePathRuleViolated": {
		with(Query{Name: "violated", Says: "whether the rule is violated", Expr: `packetscope_locator_risk{` + path + `,$rule}`, Unit: fact.State}),
		countries, networks, implaus, pathChanged, riskScore,
	},
	"PacketScopePathRiskHigh": {with(riskScore), riskFactors, countries, networks, pathChanged, implaus},
	"PacketScopePathHopBlocklisted": {
		{Name: "hops_listed", Says: "the hops that are on a blocklist", Expr: `topk(3, max by (hop, ttl) (packetscope_locator_hop_blocklisted{` + path + `} == 1))`, Unit: fact.State, By: []string{"hop", "ttl"}},
		{Name: "list_age", Says: "the age of the oldest data", Expr: `max(time() - packetscope_locator_db_build_timestamp_seconds{$host})`, Unit: fact.Seconds},
		networks, pathChanged, with(pathReached),
	},
	"PacketScopePathNotMeasured": {
		{Name: "failing", Says: "whether the destination cannot be measured", Expr: `packetscope_locator_path_failing{` + path + `}`, Unit: fact.State, Baseline: true},
		{Name: "unresolved", Says: "whether its name has no address", Expr: `packetscope_locator_path_state{` + path + `,state="unresolved"}`, Unit: fact.State},
		othersReached,
		{Name: "route_failures", Says: "packets without a route", Expr: `sum(instance_family:packetscope_route_lookup_failures:rate5m{$host,$family})`, Unit: fact.PacketsPerSec, Window: five},
	},
}
