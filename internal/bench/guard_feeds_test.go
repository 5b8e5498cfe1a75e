//go:build bench

package bench

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// fed loads the ready-made policies with a feed that lists the set.
func (s *bigSet) fed(t *testing.T) lookup {
	p := s.policy(t)
	p.Rules, p.Sets = p.Rules[:len(p.Rules)-1], nil
	p.Feeds = []policy.Feed{{Name: "big", Action: policy.Drop, Mode: policy.Enforce}}
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	state, err := compile.NewState(1)
	if err != nil {
		t.Fatal(err)
	}
	shared := make(map[string]*ebpf.Map)
	for name, m := range state {
		t.Cleanup(func() { m.Close() })
		shared[name] = m
	}
	keepFeedMaps(shared)
	l := &feed.List{}
	for _, prefix := range s.prefixes {
		l.Entries = append(l.Entries, feed.Entry{Prefix: prefix})
	}
	begin := time.Now()
	table, err := compile.NewFeedTable(feed.Join([]feed.Listed{{List: l}}, begin))
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if err := table.Install(state); err != nil {
		t.Fatal(err)
	}
	seconds := time.Since(begin).Seconds()
	return lookup{
		name: "a feed of Guarder", programs: s.load(t, "bench_source_policy", tables, shared).programs,
		megs: float64(table.Bytes()) / 1e6, seconds: seconds,
	}
}

// keepFeedMaps leaves the maps of feeds alone.
func keepFeedMaps(all map[string]*ebpf.Map) {
	for name := range all {
		wanted := false
		for _, of := range compile.FeedMaps {
			wanted = wanted || name == of
		}
		if !wanted {
			delete(all, name)
		}
	}
}
