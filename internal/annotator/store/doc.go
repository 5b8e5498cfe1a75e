// Package store is the durable memory of the annotator: a queue, and what must survive a
// crash, in one file of bbolt.
//
//	s, err := store.Open(store.Config{Path: "…/annotator.db"})
//	receipt, err := s.Put(ctx, message)  // on disk when it returns
//	job, err := s.Next(ctx)              // the most urgent step of an episode
//	err = s.Done(job, store.Result{…})   // output, publications and the next step at once
//	d, err := s.NextDelivery(ctx, sink)
//	err = s.Delivered(d, state)
//
// # Episodes
//
// Messages about a group of alerts belong to one [Episode] until all its alerts have ended.
// An episode has at most one [Job]; a message that comes meanwhile merges into it. What is
// urgent is done first: what has ended, then what is critical, then what is newest.
//
// # Durability
//
// Each step is one transaction, which is waited for (fsync). A crash resumes behind the last
// one, so a step may be done twice but never not at all: what a step does outside of the
// store must be idempotent. What fails five times, or is not delivered within a day, becomes
// a [Letter] and is not lost either.
//
// Each value carries a checksum. Open reads the whole file and refuses one that is damaged;
// [Salvage] copies what can be read.
//
// # Time
//
// Due times are of a steady clock that does not follow jumps of the wall clock, and are
// based anew when the store is opened: nothing waits longer than it was told to.
//
// # Thread Safety
//
// A Store may be used from any goroutine. Of all processes one can have a file open.
package store
