package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packetscope/packetscope/internal/stack"
)

// fakeDrops tells a few drops, and then nothing more.
type fakeDrops struct {
	events []stack.DropEvent
	totals stack.DropEvents
	err    error
	closed int
}

func (f *fakeDrops) Next(deadline time.Time) (stack.DropEvent, error) {
	if f.err != nil {
		return stack.DropEvent{}, f.err
	}
	if len(f.events) == 0 {
		time.Sleep(time.Until(deadline))
		return stack.DropEvent{}, fmt.Errorf("read drop: %w", os.ErrDeadlineExceeded)
	}
	event := f.events[0]
	f.events = f.events[1:]
	return event, nil
}

func (f *fakeDrops) Events() (stack.DropEvents, error) { return f.totals, nil }
func (f *fakeDrops) Close() error                      { f.closed++; return nil }

func someDrops() *fakeDrops {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	return &fakeDrops{
		events: []stack.DropEvent{
			{
				Time:   at,
				Drop:   stack.Drop{Reason: "SOCKET_RCVBUFF", Layer: stack.Socket, Kind: stack.UDP4, Function: "udp_queue_rcv_one_skb"},
				Source: netip.MustParseAddrPort("192.0.2.1:5000"), Destination: netip.MustParseAddrPort("192.0.2.2:53"),
				Interface: 3, Namespace: 4026531840, Bytes: 99,
			},
			{
				Time:   at.Add(time.Second),
				Drop:   stack.Drop{Reason: "NETFILTER_DROP", Severity: stack.Policy, Layer: stack.Network, Direction: stack.Forward, Kind: stack.ICMP6, Function: "nft_do_chain"},
				Source: netip.MustParseAddrPort("[2001:db8::1]:0"), Destination: netip.MustParseAddrPort("[2001:db8::2]:0"),
				Device: "eth0", Interface: 2, Bytes: 104,
			},
			{
				Time: at.Add(2 * time.Second),
				Drop: stack.Drop{Reason: "UNHANDLED_PROTO", Severity: stack.Benign, Layer: stack.Link, Kind: stack.NonIP, Function: "__netif_receive_skb_core"},
			},
		},
		totals: stack.DropEvents{Seen: 29, Unwanted: 11, Limited: 13, Lost: 2},
	}
}

// newDropWorld returns a world that tells the drops, and where the config that they are
// asked for with goes.
func newDropWorld(drops *fakeDrops, args ...string) (*world, *stack.DropWatchConfig) {
	w := newWorld(append([]string{"drops"}, args...)...)
	var opened stack.DropWatchConfig
	w.watchDrops = func(cfg stack.DropWatchConfig) (dropWatch, error) {
		opened = cfg
		return drops, nil
	}
	return w, &opened
}

func TestDropsAreLinesWithAnExplanation(t *testing.T) {
	drops := someDrops()
	w, _ := newDropWorld(drops, "--count=3")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	want := `03:04:05.678901  loss    SOCKET_RCVBUFF      receive   if3  udp 192.0.2.1:5000 > 192.0.2.2:53  in udp_queue_rcv_one_skb: the application does not read fast enough: receive buffer full
03:04:06.678901  policy  NETFILTER_DROP      forward   eth0  icmpv6 2001:db8::1 > 2001:db8::2  in nft_do_chain: a firewall rule (nftables, iptables) drops the packet
03:04:07.678901  benign  UNHANDLED_PROTO     receive   -  not IP  in __netif_receive_skb_core: nothing on this host handles this kind of Ethernet packet
`
	if diff := cmp.Diff(want, w.stdout.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if got, want := w.stderr.String(), "29 drops: 3 shown, 11 not asked for, 13 beyond the rate, 2 lost\n"; got != want {
		t.Errorf("totals %q, want %q", got, want)
	}
	if drops.closed != 1 {
		t.Errorf("closed %d times", drops.closed)
	}
}

func TestDropsInJSONEndWithTheTotals(t *testing.T) {
	w, _ := newDropWorld(someDrops(), "--json", "--count=1")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-01-02T03:04:05.678901Z","severity":"loss","reason":"SOCKET_RCVBUFF","function":"udp_queue_rcv_one_skb",` +
		`"layer":"socket","direction":"receive","family":"ipv4","protocol":"udp","source":"192.0.2.1:5000","destination":"192.0.2.2:53",` +
		`"device":"if3","namespace":4026531840,"bytes":99,"explanation":"the application does not read fast enough: receive buffer full"}
{"totals":{"seen":29,"shown":1,"unwanted":11,"limited":13,"lost":2}}
`
	if diff := cmp.Diff(want, w.stdout.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestDropsEndWithTheirTime(t *testing.T) {
	w, _ := newDropWorld(someDrops(), "--duration=20ms")
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(w.stdout.String(), "\n"); got != 3 {
		t.Errorf("%d lines, want 3", got)
	}
}

func TestDropsAskForWhatTheFlagsAndTheConfigSay(t *testing.T) {
	file := writeConfig(t, "stack: {scope: own}\ndrops: {severity: {XDP: loss}}")
	w, got := newDropWorld(someDrops(), "--count=1", "--severity=loss", "--severity=policy", "--reason=XDP", "--rate=50", "--config.file="+file)
	if err := run(context.Background(), w.env); err != nil {
		t.Fatal(err)
	}
	want := stack.DropWatchConfig{
		OwnNamespaceOnly: true,
		DropSeverity:     map[string]stack.Severity{"XDP": stack.Loss},
		Severities:       []stack.Severity{stack.Loss, stack.Policy},
		Reasons:          []string{"XDP"},
		PerSecond:        50,
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestDropsSayWhatIsWrong(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		args []string
		err  error
		want string
	}{
		{[]string{"--count=-1"}, nil, "--duration and --count cannot be negative, --rate must be 1 or more"},
		{[]string{"--severity=bad"}, nil, "enum value must be one of loss,policy,benign, got 'bad'"},
		{nil, broken, "broken"},
	} {
		drops := someDrops()
		drops.err = c.err
		w, _ := newDropWorld(drops, c.args...)
		if err := run(context.Background(), w.env); err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %q", c.args, err, c.want)
		}
	}
	w, _ := newDropWorld(someDrops())
	w.watchDrops = func(stack.DropWatchConfig) (dropWatch, error) { return nil, broken }
	if err := run(context.Background(), w.env); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
