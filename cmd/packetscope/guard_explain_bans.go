package main

import (
	"fmt"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/ban"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// givenBan is how long a ban is that is given by its address alone.
const givenBan = 4 * time.Hour

// ban has those banned who are given, and whom the agent has banned. Who must not be banned
// by this policy is told, and is not.
func (x *explanation) ban(e env, j *judged) error {
	var all []ban.Request
	for _, text := range x.banned {
		p, err := bannedPrefix(text)
		if err != nil {
			return fmt.Errorf("--banned: %w", err)
		}
		all = append(all, ban.Request{Prefix: p, Origin: ban.Operator, Terms: ban.Terms{TTL: givenBan}})
	}
	if x.agent {
		list, err := guarder.Client{Socket: *x.socket}.Bans()
		if err != nil {
			return err
		}
		for _, b := range list.Bans {
			left := min(max(time.Duration(b.Left*float64(time.Second)), ban.Shortest), ban.Longest)
			all = append(all, ban.Request{Prefix: b.Prefix, Origin: ban.Origin(b.Origin), Reason: b.Reason, Audit: b.Audit, Terms: ban.Terms{TTL: left, Renew: b.Renew}})
		}
	}
	for _, r := range all {
		if _, err := j.bans.Add(r); err != nil {
			if _, err := fmt.Fprintf(e.stderr, "%v; nor is it here\n", err); err != nil {
				return err
			}
		}
	}
	return nil
}

// banTexts returns a line about the ban that a packet meets, if it does.
func (j *judged) banTexts(o outcome) []string {
	did := map[policy.BanVerdict]string{
		policy.BanDropped: "drop", policy.BanWouldDrop: "would drop (audit)",
		policy.BanKept: "drop, but not this packet, which is kept", policy.BanWouldKept: "would drop (audit), but not this packet, which is kept",
	}[o.Ban]
	if did == "" {
		return nil
	}
	return []string{fmt.Sprintf("ban of %s by %s: %s", prefixText(o.met.Prefix), banOrigin(o.met), did)}
}
