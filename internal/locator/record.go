package locator

import (
	"log/slog"
	"time"

	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/history"
)

// checkpointEvery is how often a path is written to the history, beside after each change.
const checkpointEvery = time.Hour

// openHistory opens the history of a config, nil if none is kept.
func openHistory(cfg Config, logger *slog.Logger) (*history.Store, error) {
	if cfg.History == "" {
		return nil, nil
	}
	return history.Open(history.Config{Dir: cfg.History, MaxBytes: cfg.HistoryBytes, MaxAge: cfg.HistoryAge, Logger: logger})
}

func (d *destination) historyKey() history.Key {
	return history.Key{Dest: d.Name, Proto: d.Protocol.String(), AF: uint8(d.family())}
}

// restore takes the baseline of before the restart, if it is that of the same address.
func (e *Engine) restore(d *destination) {
	if e.history == nil {
		return
	}
	last, ok := e.history.Latest(d.historyKey())
	if ok && last.State != nil && last.Address == d.addr {
		d.detector.Restore(*last.State)
	}
}

// record writes a change to the history.
func (e *Engine) record(d *destination, event change.Event) {
	if e.history != nil {
		e.history.Append(history.EventOf(d.historyKey(), event)) // it tells its errors itself
	}
}

// checkpoint writes what is known of a path to the history.
func (e *Engine) checkpoint(d *destination, now time.Time) {
	if e.history == nil || !d.watched() || d.end.Sent == 0 {
		return
	}
	d.saved = now
	p := e.pathOf(d, now, &Self{})
	c := history.Checkpoint{
		At: now, Key: d.historyKey(), Address: d.addr, Reached: p.Reached, MTU: p.MTU, RiskScore: &p.Risk.Score,
	}
	if state, learned := d.detector.State(); learned {
		c.State = &state
	}
	for _, as := range p.ASPath {
		c.ASPath = append(c.ASPath, as.AS)
	}
	loss := make(map[uint8]*float64)
	for _, t := range p.TTLs {
		if t.Loss.Sent > 0 {
			loss[t.TTL] = &t.Loss.Apparent.Value
		}
	}
	for _, h := range p.Hops {
		c.Hops = append(c.Hops, history.Hop{
			TTL: h.TTL, Addr: h.Addr, Name: h.Name, ASN: h.Entry.ASN, ASName: h.Entry.Network.Name, Country: h.Entry.Country, City: h.Entry.City,
			RTTMin: history.MicrosOf(h.Times.Min), RTTMedian: history.MicrosOf(h.P50), Loss: loss[h.TTL],
		})
	}
	e.history.Append(c) // it tells its errors itself
}

func (e *Engine) historyStatus() *HistoryStatus {
	if e.history == nil {
		return nil
	}
	s := e.history.Status()
	status := &HistoryStatus{Bytes: s.Bytes, Records: uint64(s.Records), Dropped: uint64(s.Dropped + s.Lost)}
	if s.Err != nil {
		status.Err = s.Err.Error()
	}
	return status
}
