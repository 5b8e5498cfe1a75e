package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/guarder"
)

// addGuardUnlock adds the verb that has the agent learn a MAC address anew.
func addGuardUnlock(guard *kingpin.CmdClause) verb {
	command := guard.Command("unlock", "Forget the MAC address that was learnt for an address, and learn the next that it has.")
	address := command.Arg("address", "The IP address, of a gateway for instance.").Required().String()
	set := command.Flag("set", "In this set of the policy only.").String()
	socket := socketFlag(command)
	return func(_ context.Context, e env, _ *slog.Logger) error {
		ip, err := netip.ParseAddr(*address)
		if err != nil {
			return err
		}
		if err := (guarder.Client{Socket: *socket}).Unlock(guarder.Unlocking{Set: *set, IP: ip}); err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "%v unlocked\n", ip)
		return err
	}
}

// printLearning prints what was learnt of neighbours, if the policy has sets that learn.
func printLearning(w io.Writer, s guarder.Status, now time.Time) error {
	if len(s.Learning) == 0 {
		return nil
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "LEARNT\tADDRESS\tDEVICE\tMAC\tAGE\tSTATE")
	for _, l := range s.Learning {
		for _, b := range l.Bound {
			state := "locked"
			if b.Other != nil {
				state = fmt.Sprintf("THE KERNEL BELIEVES %v SINCE %v", b.Other, ago(b.OtherSince, now))
			}
			fmt.Fprintf(out, "%s\t%v\t%s\t%v\t%s\t%s\n", l.Set, b.IP, b.Device, b.MAC, ago(&b.Since, now), state)
		}
		for _, ip := range l.Waiting {
			fmt.Fprintf(out, "%s\t%v\t-\t-\t-\twaiting for an answer of it\n", l.Set, ip)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for _, l := range s.Learning {
		if l.Changes > 0 {
			fmt.Fprintf(w, "%s: %d changes of what the kernel believes since the agent started\n", l.Set, l.Changes)
		}
	}
	return nil
}
