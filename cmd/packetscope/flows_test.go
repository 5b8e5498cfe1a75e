package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/owner"
	"github.com/packetscope/packetscope/internal/stack"
)

func TestTopOfTheConfigIsThatOfTheCollector(t *testing.T) {
	if config.MaxTopFlows != collector.MaxTopFlows {
		t.Errorf("the config takes up to %d, the collector %d", config.MaxTopFlows, collector.MaxTopFlows)
	}
}

// growingFlows returns tables that grow by one second's worth each time.
func growingFlows() func() stack.FlowTable {
	var turn uint64
	return func() stack.FlowTable {
		turn++
		web := stack.Flow{
			FlowKey:    stack.FlowKey{Remote: netip.MustParsePrefix("198.51.100.0/24"), ServicePort: 443, Protocol: 6, Role: stack.Client},
			FlowCounts: stack.FlowCounts{ReceivedBytes: 90_000 * turn, ReceivedPackets: 60 * turn, SentBytes: 10_000 * turn, SentPackets: 30 * turn, Retransmits: 2},
			RTT:        12_345 * time.Microsecond, FirstSeen: epoch, LastSeen: epoch.Add(time.Duration(turn) * time.Second),
			Address: netip.MustParseAddr("198.51.100.7"), Socket: 11,
		}
		dns := stack.Flow{
			FlowKey:    stack.FlowKey{Remote: netip.MustParsePrefix("2001:db8::53/128"), ServicePort: 53, Protocol: 17, Role: stack.Client},
			FlowCounts: stack.FlowCounts{ReceivedBytes: 1500, ReceivedPackets: 100, SentBytes: 500 + turn, SentPackets: 99},
			FirstSeen:  epoch, LastSeen: epoch.Add(time.Second), Address: netip.MustParseAddr("2001:db8::53"), Socket: 12,
		}
		return stack.FlowTable{
			Time: epoch.Add(time.Duration(turn) * time.Second), Flows: []stack.Flow{dns, web},
			Total: web.FlowCounts.Plus(dns.FlowCounts), Evicted: 1, Capacity: 65536,
		}
	}
}

// ownersBySocket is one process with both sockets in a container.
func ownersBySocket(sockets []owner.Socket) []owner.Owner {
	owners := make([]owner.Owner, len(sockets))
	for i, s := range sockets {
		if s.Inode != 0 {
			owners[i] = owner.Owner{PID: 77, Process: "curl", Cgroup: "/system.slice/web.service", Container: "web"}
		}
	}
	return owners
}

func TestFlowsPrintsATable(t *testing.T) {
	for args, want := range map[string][]string{
		"flows --duration=1ms": {
			"REMOTE SERVICE ROLE RATE RECEIVED SENT PACKETS RETRANS RTT LAST OWNER",
			"198.51.100.0/24 tcp/443 client 100kB/s 90.0kB 10.0kB 90 2 12.35ms 0s curl[77] web",
			"2001:db8::53 udp/53 client 2.00kB/s 1.50kB 501B 199 0 - 0s curl[77] web",
		},
		"flows --duration=1ms --sort=packets --top=1": {
			"REMOTE SERVICE ROLE RATE RECEIVED SENT PACKETS RETRANS RTT LAST OWNER",
			"2001:db8::53 udp/53 client 2.00kB/s 1.50kB 501B 199 0 - 0s curl[77] web",
		},
		"flows --duration=1ms --by-process": {
			"OWNER FLOWS RATE RECEIVED SENT PACKETS RETRANS RTT LAST",
			"curl[77] web 2 102kB/s 91.5kB 10.5kB 289 2 12.35ms 0s",
		},
	} {
		t.Run(args, func(t *testing.T) {
			w := newWorld(strings.Fields(args)...)
			w.engine.flows, w.env.owners = growingFlows(), ownersBySocket
			if err := run(context.Background(), w.env); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
			if !strings.Contains(lines[0], "2 flows (1 evicted, room for 65536)  received 91.5kB in 160 packets  sent 10.5kB in 129 packets  rates over 1.0 s") {
				t.Errorf("heading %q", lines[0])
			}
			var got []string
			for _, line := range lines[2:] {
				got = append(got, strings.Join(strings.Fields(line), " "))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
			if w.engine.closed != 1 {
				t.Errorf("the engine was closed %d times", w.engine.closed)
			}
		})
	}
}

func TestFlowsAttachesNoMoreThanItNeeds(t *testing.T) {
	w := newWorld("flows", "--duration=1ms", "--ipv4-prefix=16", "--forwarded", "--own-namespace")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	var others []string
	for _, g := range stack.ProbeGroups() {
		if g != stack.GroupFlows {
			others = append(others, g)
		}
	}
	want := &stack.Config{
		Disable: others, OwnNamespaceOnly: true, SampleEvery: 1, RunStats: stack.RunStatsOff,
		Flows: stack.FlowConfig{IPv4Prefix: 16, IPv6Prefix: 128, Forwarded: true},
	}
	if diff := cmp.Diff(want, w.opened); diff != "" {
		t.Errorf("config of the engine (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"--ipv4-prefix=33", "--ipv6-prefix=0", "--top=-1", "--watch=-1s", "--sort=name"} {
		w := newWorld("flows", bad)
		if err := run(context.Background(), w.env); err == nil || w.opened != nil {
			t.Errorf("%s: error %v, engine opened: %v", bad, err, w.opened != nil)
		}
	}
}

// TestFlowsWatches: a document a line, rates from one to the next.
func TestFlowsWatches(t *testing.T) {
	w := newWorld("flows", "--watch=1ms", "--json", "--sort=rate", "--top=1")
	w.engine.flows = growingFlows()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, w.env) }()
	w.stdout.Wait(t, "\n", 3)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.SplitN(w.stdout.String(), "\n", 4)[:3] {
		var got flowReport
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil {
			t.Fatal(err)
		}
		n := uint64(i + 1)
		want := flowRow{
			Remote: "198.51.100.0/24", Address: "198.51.100.7", ServicePort: 443, Protocol: "tcp", Role: "client", Flows: 1,
			flowCounts:     flowCounts{90_000 * n, 60 * n, 10_000 * n, 30 * n, 2},
			BytesPerSecond: 100_000, RTTSeconds: 0.012345,
			FirstSeen: epoch.UTC(), LastSeen: epoch.Add(time.Duration(n) * time.Second).UTC(),
		}
		if diff := cmp.Diff([]flowRow{want}, got.Flows, cmp.AllowUnexported(flowRow{})); diff != "" {
			t.Errorf("document %d (-want +got):\n%s", i+1, diff)
		}
		if got.Seconds != 1 || got.Known != 2 || got.Evicted != 1 || got.Total.ReceivedBytes != 90_000*n+1500 {
			t.Errorf("document %d: %+v", i+1, got)
		}
	}
}

func TestFlowsAPIIsOffByDefault(t *testing.T) {
	s := newWorld().startReady(t)
	want := answer{404, "the API of flows is off (set flows.api in the config)"}
	if diff := cmp.Diff(want, s.ask(t, http.MethodGet, "/api/v1/flows")); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestFlowsAPIGivesWhatTheVerbPrints(t *testing.T) {
	w := newWorld("--config.file=" + writeConfig(t, "flows: {api: true}"))
	w.engine.flows, w.env.owners = growingFlows(), ownersBySocket
	s := w.startReady(t)
	got := s.ask(t, http.MethodGet, "/api/v1/flows?sort=packets&top=1")
	printed := newWorld("flows", "--duration=1ms", "--json", "--sort=packets", "--top=1")
	printed.engine.flows, printed.env.owners = growingFlows(), ownersBySocket
	if err := run(context.Background(), printed.env); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answer{200, strings.TrimSpace(printed.stdout.String())}, got); diff != "" {
		t.Errorf("answer (-printed +got):\n%s", diff)
	}
	for remote, want := range map[string][]string{
		"198.51.100.7": {"198.51.100.0/24"}, "2001:db8::/32": {"2001:db8::53/128"}, "198.51.101.0/24": {},
		"198.51.100.200&remote=2001:db8::53": {"198.51.100.0/24", "2001:db8::53/128"},
	} {
		var report flowReport
		if err := json.Unmarshal([]byte(s.ask(t, http.MethodGet, "/api/v1/flows?remote="+remote).Text), &report); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, f := range report.Flows {
			got = append(got, f.Remote)
		}
		if diff := cmp.Diff(want, got); diff != "" || report.Known != 2 || report.Total.ReceivedPackets == 0 {
			t.Errorf("%s (-want +got):\n%s", remote, diff)
		}
	}
	for query, want := range map[string]answer{
		"?sort=name":                            {400, `unknown order "name" (one of bytes, packets, rate, retransmits, rtt)`},
		"?top=0":                                {400, `bad top "0": want a number from 1`},
		"?remote=":                              {400, `bad remote "": want an address or a prefix`},
		"?remote=192.0.2.1&remote=fe80::1%25lo": {400, `bad remote "fe80::1%lo": want an address or a prefix`},
	} {
		if diff := cmp.Diff(want, s.ask(t, http.MethodGet, "/api/v1/flows"+query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if diff := cmp.Diff(answer{405, "use GET"}, s.ask(t, http.MethodPost, "/api/v1/flows")); diff != "" {
		t.Errorf("POST (-want +got):\n%s", diff)
	}
	if err := s.stop(t); err != nil {
		t.Error(err)
	}
}

func TestShortNumbersHaveThreeDigits(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 7.4: "7", 999: "999", 999.6: "1.00k", 1234: "1.23k", 9_996: "10.0k", 45_600_000: "45.6M", 999_499: "999k", 1e18: "1.00E", 5e21: "5000E",
	} {
		if got := short(n); got != want {
			t.Errorf("short(%v) = %q, want %q", n, got, want)
		}
	}
}
