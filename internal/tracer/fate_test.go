package tracer

import "testing"

func TestFatesByTheLastEvents(t *testing.T) {
	value := func(e Event, v int32) Event { e.Value = v; return e }
	reason := func(e Event, r string) Event { e.Reason = r; return e }
	sent := []Event{event(1, 1, "net_dev_queue"), event(1, 2, "net_dev_start_xmit")}
	queued := []Event{event(1, 1, "netif_receive_skb"), event(1, 2, wakes)}
	for _, c := range []struct {
		name   string
		events []Event
		more   Event
		want   Fate
		at     Hook
	}{
		{"the driver took it", sent, event(1, 3, "net_dev_xmit"), Sent, "net_dev_xmit"},
		{"the driver took it and is full soon", sent, value(event(1, 3, "net_dev_xmit"), 2), Sent, "net_dev_xmit"},
		{"the driver is busy", sent, value(event(1, 3, "net_dev_xmit"), 16), Unseen, "net_dev_xmit"},
		{"the driver dropped it", sent, value(event(1, 3, "net_dev_xmit"), 1), Unseen, "net_dev_xmit"},
		{"an error of the driver", sent, value(event(1, 3, "net_dev_xmit"), -100), Unseen, "net_dev_xmit"},
		{"the owner was told", queued[:1], queued[1], Queued, wakes},
		{"the owner was told before the sender's CPU came back", queued, event(1, 3, "net_dev_xmit"), Queued, wakes},
		{"the owner read it", queued, event(1, 3, "consume_skb"), Delivered, "consume_skb"},
		{"the owner never read it", queued, reason(event(1, 3, "kfree_skb"), "QUEUE_PURGE"), Dropped, "kfree_skb"},
		{"it is used up by the kernel", queued[:1], event(1, 3, "consume_skb"), Consumed, "consume_skb"},
	} {
		p := Packet{Events: append(append([]Event{}, c.events...), c.more)}
		if fate, e := p.Fate(); fate != c.want || e.Hook != c.at {
			t.Errorf("%s: %s at %s, want %s at %s", c.name, fate, e.Hook, c.want, c.at)
		}
	}
}
