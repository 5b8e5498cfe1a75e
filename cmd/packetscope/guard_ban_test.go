package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

func TestBansAreSetEndedAndListed(t *testing.T) {
	g := guard(t, "a.yaml")
	out, err := g.order(t, "ban", "add", "--ttl=2h", "--reason=guesses", "192.0.2.7")
	if err != nil || !strings.HasPrefix(out, "192.0.2.7 banned until ") || <-g.told != "ban" {
		t.Errorf("%q, %v", out, err)
	}
	want := guarder.BanOrder{Prefix: netip.MustParsePrefix("192.0.2.7/32"), TTL: 2 * time.Hour, Reason: "guesses", Origin: "operator", Operator: sshHost().Operator}
	if diff := cmp.Diff(want, g.banned, cmpopts.EquateComparable(netip.Prefix{}, netip.AddrPort{})); diff != "" {
		t.Errorf("order (-want +got)\n%s", diff)
	}
	if out, err = g.order(t, "ban", "del", "2001:db8::1/64"); err != nil || out != "2001:db8::/64 not banned any more\n" {
		t.Errorf("%q, %v", out, err)
	}
	if told := <-g.told; told != "unban 2001:db8::/64" {
		t.Errorf("told to %q", told)
	}
	if out, err = g.order(t, "ban", "list"); err != nil || out != "nobody is banned\n" {
		t.Errorf("%q, %v", out, err)
	}
	g.bans = someBans()
	const table = `ADDRESS         LEFT    TIMES  ORIGIN            REASON
192.0.2.7       10m0s   3      rule:ssh/guesses  brute_force
2001:db8::/64   1h0m0s  1      operator          -
203.0.113.0/24  1m0s    1      rule:scan/ports   - (audited: not dropped)
198.51.100.9    1m0s    1      crowdsec          -
`
	out, err = g.order(t, "ban", "list")
	if diff := cmp.Diff(table, out); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if out, err = g.order(t, "ban", "list", "--json"); err != nil || !strings.Contains(out, `"origin": "rule:ssh/guesses"`) {
		t.Errorf("%q, %v", out, err)
	}
	for _, bad := range []string{"example.com", "192.0.2.0/33", "fe80::1%eth0"} {
		if _, err := g.order(t, "ban", "add", bad); err == nil {
			t.Errorf("%s was banned", bad)
		}
	}
	g.err = errors.New("192.0.2.1/32 is not banned: 192.0.2.1/32 is a gateway of this host")
	if _, err := g.order(t, "ban", "add", "192.0.2.1"); err == nil || err.Error() != g.err.Error() {
		t.Errorf("refused: %v", err)
	}
}

// someBans are of a rule, of the operator, of an audited rule, and of CrowdSec.
func someBans() []guarder.BanStatus {
	return []guarder.BanStatus{
		{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Origin: "rule:ssh/guesses", Reason: "brute_force", Left: 600, Count: 3},
		{Prefix: netip.MustParsePrefix("2001:db8::/64"), Origin: "operator", Left: 3600, Count: 1},
		{Prefix: netip.MustParsePrefix("203.0.113.0/24"), Origin: "rule:scan/ports", Left: 60, Count: 1, Audit: true},
		{Prefix: netip.MustParsePrefix("198.51.100.9/32"), Origin: "crowdsec", Left: 60, Count: 1},
	}
}

// bannedAgent tells who is banned.
type bannedAgent struct {
	hitTables
	err error
}

func (b *bannedAgent) Bans() (guarder.BanList, error) {
	return guarder.BanList{Time: epoch, Bans: someBans()}, b.err
}

func TestBansArePublished(t *testing.T) {
	agent := &bannedAgent{}
	on := newGuarderBans(agent, true)
	for _, c := range []struct {
		handler      http.Handler
		method, path string
		status       int
		kind, body   string
	}{
		{on, "GET", "/", 200, "text/plain; charset=utf-8", "# who is banned by PacketScope on this host: 2\n192.0.2.7\n2001:db8::/64\n"},
		{on, "GET", "/?format=crowdsec", 200, "application/json", `{"new":[{"duration":"600.000s","origin":"packetscope","scenario":"brute_force","scope":"Ip","type":"ban","value":"192.0.2.7"},` +
			`{"duration":"3600.000s","origin":"packetscope","scenario":"operator","scope":"Range","type":"ban","value":"2001:db8::/64"}],"deleted":[]}` + "\n"},
		{on, "GET", "/?format=xml", 400, "text/plain; charset=utf-8", "bad format \"xml\": want netset or crowdsec\n"},
		{on, "POST", "/", 405, "text/plain; charset=utf-8", "use GET\n"},
		{newGuarderBans(agent, false), "GET", "/", 404, "text/plain; charset=utf-8", "the list of bans of Guarder is off (set guarder.bans in the config)\n"},
		{newGuarderBans(nil, true), "GET", "/", 503, "text/plain; charset=utf-8", "no agent of Guarder is named (start the exporter with --guarder.socket)\n"},
		{newGuarderBans(&bannedAgent{err: guarder.ErrNotTold}, true), "GET", "/", 503, "text/plain; charset=utf-8", guarder.ErrNotTold.Error() + " (start the agent with --status-bans)\n"},
	} {
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Content-Type") != c.kind || w.Body.String() != c.body {
			t.Errorf("%s %s: %d %s\n%s", c.method, c.path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

// TestPublishedBansAreAFeedForOthers has another host read the list, in both forms.
func TestPublishedBansAreAFeedForOthers(t *testing.T) {
	server := httptest.NewServer(newGuarderBans(&bannedAgent{}, true))
	defer server.Close()
	for query, want := range map[string][]feed.Entry{
		"?format=crowdsec": {{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Until: epoch.Add(600 * time.Second).Unix()}, {Prefix: netip.MustParsePrefix("2001:db8::/64"), Until: epoch.Add(time.Hour).Unix()}},
		"":                 {{Prefix: netip.MustParsePrefix("192.0.2.7/32")}, {Prefix: netip.MustParsePrefix("2001:db8::/64")}},
	} {
		f := policy.Feed{Name: "other", URL: server.URL + "/api/v1/guarder/bans" + query, Format: policy.Netset, MinEntries: 1, MaxEntries: 100, Widest4: 8, Widest6: 16}
		if query != "" {
			f.Format = policy.CrowdSec
		}
		list, _, err := feed.NewFetcher("test").Fetch(t.Context(), &f, feed.Tag{}, epoch)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, list.Entries, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Errorf("%q (-want +got)\n%s", query, diff)
		}
	}
}

// TestStatusSocketTellsBansIfItMay has the exporter's way to them be one that is asked for.
func TestStatusSocketTellsBansIfItMay(t *testing.T) {
	for _, told := range []bool{false, true} {
		path := t.TempDir() + "/status.sock"
		args := []string{"--status-socket=" + path, "a.yaml"}
		if told {
			args = append(args, "--status-bans")
		}
		g := guard(t, args...)
		g.bans = someBans()
		list, err := guarderSource{[]string{path}, false}.Bans()
		if told && (err != nil || len(list.Bans) != 4) || !told && !errors.Is(err, guarder.ErrNotTold) {
			t.Errorf("told %v: %+v, %v", told, list, err)
		}
	}
}

func TestStatusTellsWhatBansDo(t *testing.T) {
	g := guard(t, "a.yaml")
	g.status.Bans = []guarder.BanCount{{Origin: "rule", Bans: 3, Counts: map[string]guarder.Counts{"drop": {Packets: 70}}}, {Origin: "operator"}}
	out, err := g.order(t, "status")
	if err != nil || !strings.Contains(out, "\nbans, by origin: rule 3 (70 packets dropped), operator 0\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
