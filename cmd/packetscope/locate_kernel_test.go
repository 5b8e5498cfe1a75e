//go:build kernel && linux

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

// locateIn runs the verb in a namespace, as who would type it there, and returns the last
// report. It is never by error queues, not even where raw sockets are refused: those open
// sockets later, on threads that are not in the namespace, and would probe from the host.
func locateIn(t *testing.T, ns *testnet.Namespace, args ...string) (report locateReport, err error) {
	t.Helper()
	w := newWorld(append([]string{"locate", "--json", "--no-names", "--way=raw"}, args...)...)
	w.openLocator = openLocator
	// Raw sockets are opened by this goroutine, and all that is sent goes by them.
	ns.Do(t, func() { err = run(t.Context(), w.env) })
	lines := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
	if jsonErr := json.Unmarshal([]byte(lines[len(lines)-1]), &report); jsonErr != nil {
		t.Fatalf("%v in %q; %v, %s", jsonErr, lines, err, w.stderr)
	}
	return report, err
}

// hopsOf returns the addresses by TTL, "" where nobody answers.
func hopsOf(p locatePath) [][]string {
	var all [][]string
	for _, t := range p.TTLs {
		var hops []string
		for _, h := range t.Hops {
			hops = append(hops, h.Address)
		}
		all = append(all, hops)
	}
	return all
}

func addressTexts(all [][]netip.Addr) (texts [][]string) {
	for _, hops := range all {
		var ttl []string
		for _, a := range hops {
			ttl = append(ttl, a.String())
		}
		texts = append(texts, ttl)
	}
	return texts
}

func TestLocateShowsTheWholePathAtOnce(t *testing.T) {
	net := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	var args []string
	for _, protocol := range []string{"icmp", "udp", "tcp"} {
		for _, f := range testnet.Families {
			host := net.Dest.Addr(f).String()
			if f == testnet.IPv6 {
				host = "[" + host + "]"
			}
			args = append(args, protocol+"://"+host)
		}
	}
	report, err := locateIn(t, net.Host, append([]string{"--once"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Paths) != len(args) {
		t.Fatalf("%d paths, want %d", len(report.Paths), len(args))
	}
	for i, p := range report.Paths {
		f := testnet.Families[i%2]
		if p.Reached == nil || !*p.Reached || p.Length != 4 || p.Error != "" || p.Family != fmt.Sprint(f) {
			t.Errorf("%s: %+v", args[i], p)
		}
		if diff := cmp.Diff(addressTexts(net.Hops(f)), hopsOf(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args[i], diff)
		}
	}
}

func TestLocateSaysWhoRefuses(t *testing.T) {
	net := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	net.Stages[1][0].Reject(t)
	dest := net.Dest.V4
	report, err := locateIn(t, net.Host, "--once", dest.String())
	want := fmt.Sprintf("icmp://%s is not reached: %s refuses", dest, net.Hops(testnet.IPv4)[1][0])
	if !strings.HasPrefix(errorText(err), want) {
		t.Errorf("error %q, want %q first", errorText(err), want)
	}
	if p := report.Paths[0]; p.Reached != nil && *p.Reached {
		t.Errorf("%+v", p)
	}
}
