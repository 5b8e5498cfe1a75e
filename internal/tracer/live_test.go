package tracer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// event is one of packet n.
func event(n uint64, at time.Duration, hook Hook, stack ...string) Event {
	return Event{Time: at, Packet: Identity{Head: n, First: 1}, Hook: hook, Stack: stack, Context: Softirq}
}

// numbers returns those of packets, of which one that comes again is below 0.
func numbers(list []*Packet) (all []int) {
	for _, p := range list {
		n := p.Number
		if p.Again {
			n = -n
		}
		all = append(all, n)
	}
	return all
}

func TestPacketsAreGivenAwayWhenTheyHaveEnded(t *testing.T) {
	const ms = time.Millisecond
	var l Live
	l.Add(event(7, 1*ms, "net_dev_queue"))
	l.Add(event(8, 2*ms, "net_dev_queue"))
	l.Add(event(8, 3*ms, "kfree_skb"))
	for _, c := range []struct {
		at   time.Duration
		want []int
	}{{52 * ms, nil}, {53 * ms, []int{2}}, {500 * ms, nil}, {501 * ms, []int{1}}, {time.Hour, nil}} {
		if diff := cmp.Diff(c.want, numbers(l.Ended(c.at))); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", c.at, diff)
		}
	}
	l.Add(event(7, time.Hour, "skb_copy_datagram_iovec"))
	l.Add(event(9, time.Hour, "net_dev_queue"))
	if diff := cmp.Diff([]int{-1, 3}, numbers(l.Rest())); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
	if l.Count() != 3 || l.Done() {
		t.Errorf("%d packets, done %v", l.Count(), l.Done())
	}
}

func TestLiveFollowsAsManyPacketsAsWanted(t *testing.T) {
	l := Live{Most: 2}
	for n := range uint64(5) {
		l.Add(event(n, 1, "net_dev_queue"))
		l.Add(event(n, 2, "kfree_skb"))
	}
	if l.Done() {
		t.Error("done before the packets have ended")
	}
	list := l.Ended(time.Second)
	if diff := cmp.Diff([]int{1, 2}, numbers(list)); diff != "" || len(list[1].Events) != 2 || !l.Done() {
		t.Errorf("%v, done %v (-want +got):\n%s", list, l.Done(), diff)
	}
}

func TestLiveIsBounded(t *testing.T) {
	var l Live
	for n := range uint64(mostOpen + 3) {
		l.Add(event(n, 1, "net_dev_queue"))
	}
	if diff := cmp.Diff([]int{1, 2, 3}, numbers(l.Ended(2))); diff != "" {
		t.Errorf("given away early (-want +got):\n%s", diff)
	}
	for n := range uint64(mostRemembered + 7) {
		l.Add(event(n, 3, "net_dev_queue"))
		if n%1000 == 0 {
			l.Rest()
		}
	}
	l.Rest()
	if len(l.given) > mostRemembered || len(l.given) < mostRemembered/2 || len(l.byID) != 0 || len(l.open) != 0 {
		t.Errorf("%d remembered, %d open", len(l.given), len(l.open))
	}
}

func TestStepsTellWaitingFromWorking(t *testing.T) {
	var p Packets
	p.Add(event(1, 10, "net_dev_queue", "net_rx_action", "a", "b"))
	p.Add(event(1, 25, "net_dev_start_xmit", "net_rx_action", "a", "c"))
	late := event(1, 125, "netif_receive_skb", "net_rx_action", "a", "c")
	late.CPU = 1
	packet := p.Add(late)
	type step struct {
		in    string
		took  time.Duration
		waits bool
	}
	var got []step
	for _, s := range packet.Steps() {
		got = append(got, step{s.In, s.Took, s.Waits()})
	}
	if diff := cmp.Diff([]step{{"a", 15, false}, {"", 100, true}}, got, cmp.AllowUnexported(step{})); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestVerdictsOfOtherJudges(t *testing.T) {
	reject := event(1, 1, "icmp_send", "net_rx_action", "ip_local_deliver", "nf_hook_slow", "nft_do_chain", "nft_reject_inet_eval", "nf_send_unreach", "__icmp_send")
	reject.Value = 3<<8 | 3
	drop := event(1, 2, "kfree_skb", "net_rx_action", "ip_local_deliver", "nf_hook_slow", "nft_do_chain", "sk_skb_reason_drop")
	drop.Reason = "NETFILTER_DROP"
	tc := event(2, 1, "kfree_skb", "net_rx_action", "__netif_receive_skb_core", "kfree_skb_list_reason")
	tc.Reason = "TC_INGRESS"
	unhooked := event(3, 1, "kfree_skb")
	unhooked.Reason = "NETFILTER_DROP"
	var p Packets
	for _, e := range []Event{reject, drop, tc, unhooked} {
		p.Add(e)
	}
	want := [][]Verdict{
		{{Place: "netfilter prerouting", Verdict: "passed"}, {"netfilter input", "rejected", "nft_do_chain", "ICMP type 3 code 3"}},
		{{"tc ingress", "dropped", "__netif_receive_skb_core", ""}},
		{{"netfilter", "dropped", "", ""}},
	}
	for i, packet := range p.List() {
		if diff := cmp.Diff(want[i], packet.Verdicts()); diff != "" {
			t.Errorf("packet %d (-want +got):\n%s", i+1, diff)
		}
	}
	if got, want := want[0][1].String(), "netfilter input rejected in nft_do_chain, answered by ICMP type 3 code 3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRunsEndWhereThereIsNothingBelow: the function that runs a softirq frees a packet itself, as it
// does with those that drivers gave back in interrupts.
func TestRunsEndWhereThereIsNothingBelow(t *testing.T) {
	p := Packet{Events: []Event{
		event(1, 1, "net_dev_start_xmit", "net_rx_action", "__napi_poll", "dev_hard_start_xmit"),
		event(1, 2, "consume_skb", "handle_softirqs", "net_tx_action"),
		event(1, 3, "consume_skb", "handle_softirqs", "net_tx_action"),
	}}
	if got := len(p.Runs()); got != 2 {
		t.Errorf("%d runs, want that of the sender and that of the softirq", got)
	}
}
