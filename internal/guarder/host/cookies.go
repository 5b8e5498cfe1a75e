package host

import "github.com/packetscope/packetscope/internal/guarder/policy"

// cookieless reports the first rule that answers SYNs, if the kernel has no answers for it.
func cookieless(p *policy.Policy, facts *Facts) []policy.Fault {
	if !facts.NoCookies {
		return nil
	}
	for i := range p.Rules {
		if r := &p.Rules[i]; r.SYNCookie != nil {
			return []policy.Fault{r.About(policy.NoCookies, "sysctl -w net.ipv4.tcp_syncookies=1",
				"the kernel makes no SYN cookies (net.ipv4.tcp_syncookies is 0), so no SYN is answered")}
		}
	}
	return nil
}
