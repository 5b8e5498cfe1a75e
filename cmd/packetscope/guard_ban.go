package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
)

// addGuardBan adds the verbs about who is banned.
func addGuardBan(guard *kingpin.CmdClause) map[string]verb {
	command := guard.Command("ban", "Ban addresses for a time, as root, and tell who is banned.")
	return map[string]verb{
		"guard ban add":  addGuardBanAdd(command),
		"guard ban del":  addGuardBanDel(command),
		"guard ban list": addGuardBanList(command),
	}
}

// prefixesArg adds addresses and prefixes to a command.
func prefixesArg(command *kingpin.CmdClause) func() ([]netip.Prefix, error) {
	texts := command.Arg("address", "Address, or prefix such as 192.0.2.0/24.").Required().Strings()
	return func() ([]netip.Prefix, error) {
		var all []netip.Prefix
		for _, text := range *texts {
			p, err := bannedPrefix(text)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		return all, nil
	}
}

// bannedPrefix reads an address or a prefix.
func bannedPrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is no address and no prefix", text)
	}
	return p.Masked(), nil
}

func addGuardBanAdd(ban *kingpin.CmdClause) verb {
	command := ban.Command("add", "Ban addresses. Never those of this host, its gateways and name servers, yours, and those that the policy says must get through.")
	prefixes := prefixesArg(command)
	ttl := command.Flag("ttl", "How long the ban is.").Default("4h").Duration()
	reason := command.Flag("reason", "Why, for guard ban list.").String()
	origin := command.Flag("origin", "Who has decided it: operator, or a program that uses this command, api or crowdsec.").Default("operator").Enum("operator", "api", "crowdsec")
	socket := socketFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		all, err := prefixes()
		if err != nil {
			return err
		}
		facts, err := e.guardHost()
		if err != nil {
			return err
		}
		for _, p := range all {
			b, err := guarder.Client{Socket: *socket}.Ban(guarder.BanOrder{Prefix: p, TTL: *ttl, Reason: *reason, Origin: *origin, Operator: facts.Operator})
			if err != nil {
				return err
			}
			note := ""
			if b.Audit {
				note = " (nobody is dropped: this host is only audited)"
			}
			fmt.Fprintf(e.stdout, "%s banned until %s%s\n", prefixText(b.Prefix), b.Until.Local().Format(time.DateTime), note)
		}
		return nil
	}
}

func addGuardBanDel(ban *kingpin.CmdClause) verb {
	command := ban.Command("del", "End bans, of whatever origin.")
	prefixes := prefixesArg(command)
	socket := socketFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		all, err := prefixes()
		if err != nil {
			return err
		}
		for _, p := range all {
			if err := (guarder.Client{Socket: *socket}).Unban(p); err != nil {
				return err
			}
			fmt.Fprintf(e.stdout, "%s not banned any more\n", prefixText(p))
		}
		return nil
	}
}

func addGuardBanList(ban *kingpin.CmdClause) verb {
	command := ban.Command("list", "Tell who is banned, those first whose ban ends last.")
	asJSON := command.Flag("json", "Print JSON.").Bool()
	socket := socketFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		list, err := guarder.Client{Socket: *socket}.Bans()
		if err != nil {
			return err
		}
		if *asJSON {
			encoder := json.NewEncoder(e.stdout)
			encoder.SetIndent("", "  ")
			encoder.SetEscapeHTML(false)
			return encoder.Encode(list)
		}
		return printBans(e.stdout, list)
	}
}

func printBans(w io.Writer, list guarder.BanList) error {
	if len(list.Bans) == 0 {
		_, err := fmt.Fprintln(w, "nobody is banned")
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "ADDRESS\tLEFT\tTIMES\tORIGIN\tREASON")
	for _, b := range list.Bans {
		reason := cmp.Or(printableLine(b.Reason), "-")
		if b.Audit {
			reason += " (audited: not dropped)"
		}
		left := (time.Duration(b.Left * float64(time.Second))).Round(time.Second)
		fmt.Fprintf(out, "%s\t%v\t%d\t%s\t%s\n", prefixText(b.Prefix), left, b.Count, b.Origin, reason)
	}
	return out.Flush()
}

// printBanCounts prints what bans do, if there are any.
func printBanCounts(w io.Writer, s guarder.Status) {
	var parts []string
	for _, b := range s.Bans {
		text := fmt.Sprintf("%s %d", b.Origin, b.Bans)
		if n := b.Counts["drop"].Packets; n > 0 {
			text += fmt.Sprintf(" (%s dropped)", counted(int(n), "packet"))
		}
		parts = append(parts, text)
	}
	if parts != nil {
		fmt.Fprintln(w, "bans, by origin: "+strings.Join(parts, ", "))
	}
}

// prefixText is an address as such.
func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
