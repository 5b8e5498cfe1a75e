package policy

import "testing"

func TestRulesThatMayMatchTheBeginning(t *testing.T) {
	for match, want := range map[string]bool{
		"{tcp: {flags: {none: [syn]}}, socket: {is: none}}":                                                false,
		"{tcp: {flags: {all: [syn, ack]}}, socket: {is: none}}":                                            false,
		"{tcp: {flags: {all: [rst]}}, socket: {is: none}}":                                                 true, // of a SYN with RST too
		"{tcp: {flags: {all: [rst], none: [syn]}}, socket: {is: none}}":                                    false,
		"{tcp: {flags: {all: [syn], none: [ack]}}, socket: {is: none}}":                                    true,
		"{proto: tcp, dst_port: 80, socket: {is: none}}":                                                   true,
		"{proto: udp, socket: {is: none}}":                                                                 true,
		"{icmp: {class: error}, socket: {of: inner, is: none}}":                                            false,
		"{any: [{icmp: {class: error}, socket: {of: inner, is: none}}, {proto: udp, socket: {is: none}}]}": true,
	} {
		p, faults := Parse("p.yaml", []byte("version: 1\ngroups:\n- name: g\n  rules:\n  - {rule: r, match: "+match+", action: drop}\n"), Options{})
		if p == nil {
			t.Errorf("%s: %v", match, faults)
			continue
		}
		if got := p.Rules[0].MayBegin(); got != want {
			t.Errorf("%s: %v, want %v", match, got, want)
		}
	}
}

func TestRulesThatMayMatchAConnectionThatGoesOn(t *testing.T) {
	for match, want := range map[string]bool{
		"{proto: tcp, dst_port: 1-32767, socket: {is: established}}":                                     false,
		"{proto: tcp, dst_port: 1-32768, socket: {is: established}, seq: next}":                          true,
		"{proto: tcp, dst_port: 61000-65535}":                                                            false,
		"{proto: tcp, dst: local}":                                                                       true,
		"{proto: tcp, not: {dst_port: 1-50000}, socket: {is: [none, established]}}":                      true,
		"{proto: tcp, not: {socket: {is: established}}}":                                                 false,
		"{proto: tcp, not: {socket: {is: none}}}":                                                        true,
		"{proto: tcp, socket: {is: [none, listen]}}":                                                     false,
		"{tcp: {flags: {all: [syn], none: [ack]}}}":                                                      false,
		"{tcp: {flags: {none: [syn, ack, rst]}}}":                                                        false,
		"{proto: udp, socket: {is: established}}":                                                        false,
		"{any: [{proto: udp}, {proto: tcp, dst_port: 22}, {proto: tcp, dst_port: 40000, ttl: {lt: 9}}]}": true,
	} {
		p, faults := Parse("p.yaml", []byte("version: 1\ngroups:\n- name: g\n  rules:\n  - {rule: r, match: "+match+", action: drop}\n"), Options{})
		if p == nil {
			t.Errorf("%s: %v", match, faults)
			continue
		}
		if got := p.Rules[0].MayGoOn(32768, 60999); got != want {
			t.Errorf("%s: %v, want %v", match, got, want)
		}
	}
}
