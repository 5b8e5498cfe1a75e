// Package history keeps what was known of paths on disk: a [Checkpoint] of each path every
// hour and at each change, and an [Event] for each change.
//
//	store, err := history.Open(history.Config{Dir: "…/history"})
//	err = store.Append(history.Checkpoint{…})
//	last, ok := store.Latest(key) // the baseline of before the restart
//
//	for record, err := range history.Read(dir, history.Filter{Dest: "example"}) { … }
//
// # Format
//
// A record is a line of JSON. Lines are only ever appended, to files named
// history-<number>.jsonl (segments), of which the oldest is removed when all together
// exceed the limit of bytes, or when all in it is too old. So what jq and grep read is
// what there is, and nothing has to be repaired.
//
// A process that is killed, or a disk that is full, leaves at most one line without its
// end. That line is dropped, and the next segment begun. Fields and kinds of records
// of later versions are passed over. Names in records are text of strangers: they
// are cut to 64 characters and hold nothing that a terminal obeys.
//
// Records are handed to the kernel one by one but not waited for: of what was
// written in the last half minute a power cut may take some.
//
// # Thread Safety
//
// A Store may be used from any goroutine. Of all processes one can have a folder open;
// any may read it at the same time.
package history
