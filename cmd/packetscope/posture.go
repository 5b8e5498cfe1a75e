package main

import (
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/posture"
)

// postureFacts returns one fact per check, in the order of checks: Yes if nothing is
// exposed, No with the cure if something is, and Unknown if it cannot be said.
func postureFacts(h posture.Host) []kernel.Fact {
	report, err := h.Report()
	if err != nil {
		return []kernel.Fact{{Name: "devices", Detail: err.Error()}}
	}
	facts := []kernel.Fact{}
	of := make(map[string][]posture.Finding)
	for _, f := range report.Findings {
		of[f.Check.Name] = append(of[f.Check.Name], f)
	}
	for _, c := range posture.Checks() {
		if findings := of[c.Name]; len(findings) > 0 {
			facts = append(facts, postureFact(c, findings))
		}
	}
	return facts
}

func postureFact(c posture.Check, findings []posture.Finding) kernel.Fact {
	in := make(map[posture.State][]posture.Finding)
	for _, f := range findings {
		in[f.State] = append(in[f.State], f)
	}
	fact := kernel.Fact{Name: c.Name}
	switch {
	case len(in[posture.Exposed]) > 0:
		bad := in[posture.Exposed]
		fact.Outcome, fact.Detail = kernel.No, told(bad)+": "+c.Attack
		fact.Cure = bad[0].Cure() + "  # right: " + c.Right
	case len(in[posture.Unknown]) > 0:
		fact.Detail = told(in[posture.Unknown])
		if in[posture.Unknown][0].Reason == "" { // read, but it does not decide alone
			fact.Detail += ": " + c.Attack
		}
	default:
		fact.Outcome, fact.Detail = kernel.Yes, told(in[posture.OK])
	}
	return fact
}

// told names the values and where they are, as "0 on eth0, 2 on veth7 (veth)".
func told(findings []posture.Finding) string {
	all := make([]string, 0, len(findings))
	for _, f := range findings {
		text := fmt.Sprint(f.Value)
		switch {
		case f.Reason != "":
			text = f.Reason // names the file, and so the device
		case f.Device == "":
		case f.Device == f.Example:
			text += " on " + f.Device
		default:
			text += " on " + f.Example + " (" + f.Device + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}
