package explain_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/builtin"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/annotator/explain/prompt"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
)

// server is a Prometheus that knows little.
type server struct{}

func (server) Query(_ context.Context, expr string, _ time.Time) ([]evidence.Sample, error) {
	switch {
	case strings.Contains(expr, "max(sum by (remote)"):
		return []evidence.Sample{{Value: 0.8}}, nil
	case strings.Contains(expr, "sum by (remote)"):
		return []evidence.Sample{{Labels: map[string]string{"remote": "198.51.100.0/24"}, Value: 5200}}, nil
	case strings.Contains(expr, `severity="policy"`):
		return []evidence.Sample{{Value: 2400}}, nil
	}
	return nil, nil
}

// An alert on its way through the packages: what is known, the built-in explanation, what
// a model is asked, its answer as it is judged, and the rule that may come of it.
func Example() {
	labels := map[string]string{"alertname": "PacketScopePolicyDropsHigh", "severity": "info", "instance": "web-1:10142", "job": "packetscope"}
	table := &handle.Table{} // kept with the episode
	set := evidence.Gather(context.Background(), server{}, evidence.Alert{Labels: labels}, table, time.Now(), evidence.Defaults)
	ground := answer.Ground{Set: set, Table: table}

	first := builtin.Explain(ground)
	fmt.Println("built-in:", first.Verdict, first.Confidence)
	fmt.Println(table.Expand(first.Summary))

	asked, err := prompt.New(prompt.Input{Set: set, Table: table, Mode: prompt.Balanced, Meaning: first.Summary, Marker: "00112233445566778899aabb"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("names leave:", strings.Contains(asked.User, "web-1") || strings.Contains(asked.User, "198.51"))

	const says = `{"findings":[{"text":"S1 sends 5200 packets per second, 80 % of all.","weighs":"for","facts":["F6","F7"]}],"verdict":"volumetric_attack","confidence":"high",
		"summary":"S1 floods H1.","checks":[],"steps":[],"rule":{"action":"monitor","sources":["S1"],"target":null,"proto":"any","rate_pps":null,"ttl_minutes":60,"why":"It sends most."}}`
	second, code := ground.Parse([]byte(says))
	fmt.Printf("model: %s %s %q\n", second.Verdict, second.Confidence, code)
	fmt.Println("a lie:", ground.Check([]byte(strings.Replace(says, "80 %", "99 %", 1))))

	proposal, refusal := propose.Defaults.Make(*second.Rule, second.Confidence, table, "ab12cd34ef56")
	fmt.Printf("rule: %s %s %v %q\n", proposal.Name, proposal.Action, proposal.Sources, refusal)
	// Output:
	// built-in: volumetric_attack medium
	// Firewall rules and other policies of web-1:10142 drop many packets. They do as they were told: either somebody scans or floods this host, or a rule forbids what is needed.
	// names leave: false
	// model: volumetric_attack medium ""
	// a lie: uncited_number
	// rule: ai-ab12cd34ef56 monitor [198.51.100.0/24] ""
}
