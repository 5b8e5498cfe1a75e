//go:build unix

package annotator

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// Pauses of a sink.
const (
	retryFirst = time.Second
	retryMost  = 10 * time.Minute
	pauseFirst = time.Minute
	pauseMost  = 10 * time.Minute
)

// deliver brings to a sink what waits for it, one after the other, until ctx ends.
func (e *Engine) deliver(ctx, work context.Context, s sink.Sink) error {
	pauses := 0
	for {
		d, err := e.Store.NextDelivery(ctx, s.Name())
		if ctx.Err() != nil {
			if err == nil {
				e.Store.ReleaseDelivery(d) // for the engine that comes behind this one
			}
			return nil
		}
		if err != nil {
			return err
		}
		class, err := e.send(work, s, d)
		switch {
		case errors.Is(err, store.ErrBroken), errors.Is(err, store.ErrCorrupt):
			return err
		case err != nil:
			if errors.Is(err, store.ErrFull) {
				e.Store.ReleaseDelivery(d) // it is still held
			}
			e.Logger.Error("delivery not kept", "sink", s.Name(), "episode", d.Episode, "err", err)
			rest(ctx, time.Second)
		case class == sink.Pause:
			e.Tally.pause(s.Name(), true)
			if !e.mended(ctx, s, pauses) {
				return nil
			}
			pauses++
		default:
			pauses = 0
			e.Tally.pause(s.Name(), false)
		}
	}
}

// mended waits until a sink that refused everything looks as if it took something again, if not
// everything, and reports false when ctx ends before. It is looked at again and again, ever less
// often.
func (e *Engine) mended(ctx context.Context, s sink.Sink, pauses int) bool {
	for {
		if !rest(ctx, grow(pauseFirst, pauses, pauseMost)) {
			return false
		}
		err := s.Check(ctx)
		if err == nil || sink.ClassOf(err) == sink.Dead {
			return true
		}
		e.Logger.Warn("sink still rests", "sink", s.Name(), "err", err)
		pauses++
	}
}

// send sends one delivery and gives it back. The error is of the store.
func (e *Engine) send(work context.Context, s sink.Sink, d store.Delivery) (sink.Class, error) {
	var m sink.Message
	if err := json.Unmarshal(d.Payload, &m); err != nil {
		e.Tally.sent(s.Name(), "unreadable")
		return sink.Dead, e.untilRoom(work, func() error { return e.Store.Refuse(d, d.State, "the message cannot be read: "+err.Error()) })
	}
	e.between("before send " + s.Name())
	ctx, cancel := context.WithTimeout(work, e.config.Send)
	state, sent := hand(ctx, s, m, d.State)
	cancel()
	e.between("sent " + s.Name())
	class := sink.ClassOf(sent)
	e.Tally.sent(s.Name(), codeOf(sent))
	if sent == nil {
		err := e.untilRoom(work, func() error { return e.Store.Delivered(d, state) })
		e.between("delivered " + s.Name())
		return class, err
	}
	e.Logger.Warn("message not delivered", "sink", s.Name(), "episode", d.Episode, "class", string(class), "tries", d.Tries+1, "err", sent)
	if class == sink.Dead {
		err := e.untilRoom(work, func() error { return e.Store.Refuse(d, state, sent.Error()) })
		e.between("refused " + s.Name())
		return class, err
	}
	wait := grow(retryFirst, d.Tries, retryMost)
	var known *sink.Error
	if errors.As(sent, &known) {
		wait = max(wait, known.After)
	}
	if work.Err() != nil || class == sink.Pause {
		wait = 0 // not its own fault
	}
	return class, e.untilRoom(work, func() error {
		_, err := e.Store.Retry(d, state, sent.Error(), wait)
		return err
	})
}

// hand gives a message to a sink. If that panics, what was remembered stays as it is.
func hand(ctx context.Context, s sink.Sink, m sink.Message, last sink.State) (state sink.State, err error) {
	state = last
	defer recovered(&err)
	return s.Send(ctx, m, last)
}

// codeOf returns the label of metrics for how a delivery ended.
func codeOf(err error) string {
	var known *sink.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &known):
		return string(known.Class)
	}
	return string(sink.Retry)
}

// check checks a sink at the start and then every hour, until ctx ends.
func (e *Engine) check(ctx context.Context, s sink.Sink) error {
	return every(ctx, e.config.Check, func(ctx context.Context) error {
		err := s.Check(ctx)
		if ctx.Err() != nil {
			return nil
		}
		e.Tally.check(s.Name(), err)
		if err != nil {
			e.Logger.Warn("sink will not take messages", "sink", s.Name(), "err", err)
		}
		return nil
	})
}
