package sink

import (
	"regexp"
	"slices"
)

// HostTag is the key of the tags by which boards choose the annotations of the hosts that
// they show, and AllHosts is the tag of those that every board shows.
const (
	HostTag  = "host:"
	AllHosts = HostTag + "all"
)

// hostForm is an instance whose host can be in a tag as it is, with or without a port. A
// colon within it would end the tag (Grafana splits a tag at all of them, and keeps two
// parts), and boards cannot replace one: hosts by an address of IPv6 have no tag.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9_.-]+)(?::[0-9]+)?$`)

// mostHostTags is the length in bytes of all tags of hosts, with quotes and commas: there is
// room for the episode and what it is about besides.
const mostHostTags = 180

// hostTags returns the tags of the hosts that an alert is about, or AllHosts if that is not
// known, or if a host would have none: a board had better show too much.
func hostTags(a Alert) []string {
	hosts := a.Hosts
	if len(hosts) == 0 {
		hosts = []string{a.Labels["instance"]}
	}
	var tags []string
	for _, instance := range hosts {
		m := hostForm.FindStringSubmatch(instance)
		if m == nil || len(m[1]) > mostTag {
			return []string{AllHosts}
		}
		if tag := HostTag + m[1]; !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if lengthOfTags(tags) > mostHostTags {
		return []string{AllHosts}
	}
	return tags
}
