package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// feedsFlag names the folder of the lists that an agent keeps.
func feedsFlag(command *kingpin.CmdClause, to *string) {
	command.Flag("feeds", "The folder of the lists that the agent keeps (feeds/ in the folder of its --state), for feeds of the policy. Without it those that are files are known.").StringVar(to)
}

// feedsAtHand returns what the feeds of a policy list, by their index. Which lists are not
// at hand is told, as packets are judged without them.
func feedsAtHand(e env, p *policy.Policy, folder string, own []netip.Addr) ([]feed.Row, error) {
	now := time.Now()
	lists, missing := feed.AtHand(p, feed.Folder(folder), own, now)
	for _, why := range missing {
		if _, err := fmt.Fprintf(e.stderr, "%v; it lists nothing here (see --feeds)\n", why); err != nil {
			return nil, err
		}
	}
	return feed.Join(lists, now), nil
}

// feedTexts returns a line for each feed that lists the source of a packet.
func feedTexts(steps []policy.FeedStep) (lines []string) {
	for _, step := range steps {
		effect := map[string]string{"would_drop": "would drop (audit)", "kept": "drop, but not this packet, which is kept"}[feedEffect(step)]
		if effect == "" {
			effect = feedEffect(step)
		}
		lines = append(lines, fmt.Sprintf("%v: feed %s lists the source: %s", step.Feed.At, step.Feed.Name, effect))
	}
	return lines
}

func feedEffect(step policy.FeedStep) string {
	switch f := step.Feed; {
	case step.Kept:
		return "kept"
	case f.Action == policy.Drop && f.Mode == policy.Audit:
		return "would_drop"
	default:
		return f.Action.String()
	}
}
