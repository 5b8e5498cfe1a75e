//go:build kernel && linux

package attack

import (
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/testnet"
	policies "github.com/packetscope/packetscope/rules/guarder"
)

// A justification is how much of the hour a rule may drop at most, and what shows of each packet that
// nobody misses it.
type justification struct {
	most  uint64
	proof proof
}

// justified are the rules that drop some of the hour.
var justified = map[string]justification{
	// 20 downloads that this host aborts, with what fits into the window of a receiver that has
	// read nothing: the host would answer with another RST.
	"out-of-state/stray-segment": {500, afterTheEnd},
	// 10 in each family: the host would say that nobody listens, and nobody is there to be told.
	"out-of-state/closed-udp-port":      {20, lateDatagram},
	"forged-icmp/error-about-no-socket": {20, lateError},
	// One or none: the peer, who has closed first, says something once more.
	"out-of-state/segment-to-listener": {10, afterTheEnd},
}

// overtaken are the same where one in ten packets is late, and one in a hundred comes twice, so that
// some come when all is over.
var overtaken = map[string]justification{
	"out-of-state/stray-segment": {3000, afterTheEnd},
	// The host would answer with an RST, which ends the peer's TIME-WAIT too early (RFC 1337).
	"out-of-state/segment-to-listener": {400, afterTheEnd},
	"out-of-state/syn-on-connection":   {40, secondSYN}, // the host would challenge it (RFC 5961)
	"segments/challenge-probing":       {10, secondSYN}, // an hour's, within some seconds
	"out-of-state/stray-answer":        {10, secondAnswer},
	"out-of-state/closed-udp-port":     {200, lateDatagram},
	// An hour's second answers come within ten seconds here, to more ports than the rule lets be.
	"scans/udp-port-scan":               {100, lateDatagram},
	"forged-icmp/error-about-no-socket": {40, lateError},
}

// contrary are those against the very things that this hour has, as "- KIND: NAME". They
// stay audited, or what they are against could not be shown to pass the rest.
var contrary = map[string]string{
	"- name: icmp-examples":   "pings, and traces of paths",
	"- rule: closed-tcp-port": "clients that call a port where nobody listens, and are told so at once",
}

func isContrary(r guarder.RuleStatus) bool {
	return contrary["- name: "+r.Group] != "" || contrary["- rule: "+r.Rule] != ""
}

// TestLegitimateTrafficIsNotDropped sends what a server on a LAN sees in an hour through
// all policies that are ready to use, with all of their rules enforced, and no rule drops
// any of it but those in the tables above.
//
// An hour is counted in exchanges, not in time: see hour for how many of each kind there
// are. They are sent as fast as they go, several kinds at a time, so whatever counts per
// second sees a hundred times of an hour's rate: limits have their rates nevertheless, and
// only a monitor's pings and long datagrams are held to what they may be. Packets of TCP are
// lost on the way, one in a hundred in each direction, so that segments behind a hole come
// early; a link in the middle is narrower than the others, so that paths have to be found
// out. And once all of it is shuffled: packets of all kinds are late by a ms or more in both
// directions.
//
// The policies are what an operator makes of them who reads what they say: the
// gateways are named, and the networks of the test are inside.
func TestLegitimateTrafficIsNotDropped(t *testing.T) {
	t.Run("lossy", func(t *testing.T) { legitimate(t, justified, nil) })
	t.Run("reordered", func(t *testing.T) {
		var late []func() uint64
		legitimate(t, overtaken, func(p *testnet.Path) {
			for _, to := range []testnet.Direction{testnet.ToDest, testnet.ToHost} {
				late = append(late, p.Stages[1][0].Shuffle(t, to, testnet.Shuffling{Share: 10, Duplicate: 10, Late: time.Millisecond}))
			}
		})
		for i, n := range late {
			t.Logf("%d packets were late %s the host", n(), []string{"from", "to"}[i])
			if n() < uint64(1000/share()) {
				t.Error("these are too few")
			}
		}
	})
}

// kindsAtOnce is how many kinds are sent at a time: in an emulated machine one, as its queues
// lose packets when all are.
func kindsAtOnce() int {
	if testnet.InVM() {
		return 1
	}
	return 100
}

// comesBack waits until the host is reached with the programs attached.
func (h *hour) comesBack() {
	h.t.Helper()
	for _, f := range testnet.Families {
		var err error
		for range 5 {
			if err = testnet.Ping(h.path.Dest, h.path.Host, f, 1); err == nil {
				break
			}
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

func legitimate(t *testing.T, allowed map[string]justification, disturb func(p *testnet.Path)) {
	t.Helper()
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1}})
	p.SetMTU(t, 2, 1400)
	if disturb != nil {
		disturb(p)
	}
	loseTCP(t, p.Stages[1][0].Namespace)
	h := newHour(t, p)
	samples := filepath.Join(t.TempDir(), "dropped.pcapng")
	saw := newWitness(t, p.Host)
	engine := enforceAll(t, p.Host, h, samples)
	h.comesBack()
	begin := time.Now()
	var done sync.WaitGroup
	atOnce := make(chan struct{}, kindsAtOnce())
	for _, kind := range h.kinds() {
		atOnce <- struct{}{}
		done.Go(func() {
			defer func() { <-atOnce }()
			if err := kind.send(); err != nil {
				t.Errorf("%s: %v", kind.name, err)
			}
		})
	}
	done.Wait()
	if err := h.failover(4); err != nil {
		t.Errorf("failover: %v", err)
	}
	took := time.Since(begin)
	status := settled(t, engine)
	t.Logf("%d packets in %v, %d of them dropped", status.Verdicts["pass"].Packets+status.Verdicts["drop"].Packets, took.Round(time.Millisecond), status.Verdicts["drop"].Packets)
	if n := status.Verdicts["pass"].Packets; n < h.least() {
		t.Errorf("%d packets passed; an hour has %d", n, h.least())
	}
	host, dropped := saw.story(t), victimsOf(t, samples, engine)
	host.closed = h.closed
	for _, r := range status.Rules {
		name, n := r.Group+"/"+r.Rule, r.Counts["drop"].Packets
		if isContrary(r) {
			continue
		}
		if r.Action == "drop" && r.Mode != "enforce" {
			t.Errorf("%s is %s", name, r.Mode)
		}
		if most := allowed[name].most; n > most {
			t.Errorf("%s dropped %d packets, want %d at most", name, n, most)
		}
		if uint64(len(dropped[name])) < n { // some may have come since
			t.Errorf("%s dropped %d packets, of which %d are known", name, n, len(dropped[name]))
		}
		prove(t, name, host, dropped[name], allowed[name].proof)
	}
	for reason, n := range status.Unparsable {
		t.Errorf("%d packets are %s", n.Packets, reason)
	}
	if status.Tripped {
		t.Error("the trip wire ended it")
	}
}

// prove fails for each packet that a rule has dropped and somebody misses; without a proof, for all.
func prove(t *testing.T, rule string, s *story, dropped []event, proof proof) {
	t.Helper()
	were := make(map[string]int)
	for i := range dropped {
		d := &dropped[i]
		what, ok := "nothing excuses it", false
		if proof != nil {
			what, ok = proof(s, d)
		}
		were[what]++
		if !ok && were[what] <= 3 {
			t.Errorf("%s dropped a packet: %s:\n%s", rule, what, tell(s, d))
		}
	}
	for _, what := range slices.Sorted(maps.Keys(were)) {
		t.Logf("%s dropped %d: %s", rule, were[what], what)
	}
}

// settled returns the status when no packet is dropped any more between reading what
// rules did and what became of packets.
func settled(t *testing.T, e *guarder.Engine) (s guarder.Status) {
	t.Helper()
	for end := time.Now().Add(testnet.Margin(5 * time.Second)); time.Now().Before(end); {
		var err error
		if s, err = e.Status(); err != nil {
			t.Fatal(err)
		}
		var dropped uint64
		for _, r := range s.Rules {
			dropped += r.Counts["drop"].Packets
		}
		for _, n := range s.Unparsable {
			dropped += n.Packets
		}
		if dropped == s.Verdicts["drop"].Packets {
			return s
		}
	}
	t.Errorf("%d packets are dropped, and not by rules alone", s.Verdicts["drop"].Packets)
	return s
}

// enforceAll puts all policies that are ready to use in force together, and has each packet that a
// rule is credited with copied to a file.
func enforceAll(t *testing.T, ns *testnet.Namespace, h *hour, samples string) *guarder.Engine {
	t.Helper()
	spared := []string{"mode: audit", "mode: enforce", "defaults:\n", "defaults:\n  sample: {rate: 5000/s, snap: 128}\n"}
	for entry := range contrary {
		indent := "\n  "
		if strings.HasPrefix(entry, "- rule:") {
			indent = "\n    "
		}
		spared = append(spared, entry, entry+indent+"mode: audit")
	}
	replace := strings.NewReplacer(append(spared,
		"192.0.2.254", h.gateway[testnet.IPv4].String(), "02:00:5e:10:00:fe", net.HardwareAddr(h.router[:]).String(), "00:00:5e:00:01:01", net.HardwareAddr(standIn[:]).String(),
		"[10.0.0.0/8", "[198.18.0.0/15, 10.0.0.0/8", `"fc00::/7"`, `"fc00::/7", "2001:db8::/32"`)...)
	files, err := fs.Glob(policies.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.yaml") {
			continue
		}
		text, err := policies.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, file), []byte(replace.Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return enforceWith(t, ns, guarder.Config{
		Paths: []string{folder}, Samples: guarder.SampleConfig{MaxRate: 50_000, File: samples, FileBytes: 64 << 20, Files: 1},
	})
}
