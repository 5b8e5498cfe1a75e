package geo

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Timing says how changes of files are noticed.
type Timing struct {
	// Poll is how often all files are looked at: what notification misses, as in network
	// file systems and behind symbolic links, is seen then. 0: every 60 s.
	Poll time.Duration
	// Settle is how long a folder must be quiet before its files are read: many programs
	// write a file in pieces. 0: 2 s.
	Settle time.Duration
}

// A refresher is a file that can be loaded again.
type refresher interface {
	refresh() bool
	report() Status
}

// A watcher loads files again when they change.
type watcher struct {
	files  []refresher
	logger *slog.Logger
	now    func() time.Time
	timing Timing
}

func newWatcher(logger *slog.Logger, now func() time.Time, timing Timing) watcher {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if now == nil {
		now = time.Now
	}
	if timing.Poll <= 0 {
		timing.Poll = time.Minute
	}
	if timing.Settle <= 0 {
		timing.Settle = 2 * time.Second
	}
	return watcher{logger: logger, now: now, timing: timing}
}

// Status tells how each file is, in the order of the config, databases first.
func (w *watcher) Status() []Status {
	all := make([]Status, len(w.files))
	for i, f := range w.files {
		all[i] = f.report()
	}
	return all
}

// Err returns why files could not be loaded the last time, joined, or nil.
func (w *watcher) Err() error {
	var all []error
	for _, s := range w.Status() {
		all = append(all, s.Err)
	}
	return errors.Join(all...)
}

// stale is the age from which a database is told to be old. MaxMind's licence asks to
// stop using a version within 30 days of the next one.
const stale = 30 * 24 * time.Hour

// Reload loads the files that changed. What is bad leaves the old data in force.
func (w *watcher) Reload() {
	for _, f := range w.files {
		if !f.refresh() {
			continue
		}
		s := f.report()
		if s.Err != nil {
			w.logger.Warn("geo file not loaded", "role", s.Role, "file", s.Path, "in_force", !s.Loaded.IsZero(), "err", s.Err)
			continue
		}
		w.logger.Info("geo file loaded", "role", s.Role, "file", s.Path, "type", s.Type, "built", s.Built, "bytes", s.Bytes)
		if age := s.Age(w.now()); age > stale {
			w.logger.Warn("geo file is old", "role", s.Role, "file", s.Path, "age_days", int(age.Hours()/24))
		}
	}
}

// Watch loads files again when they change, until the context ends.
//
// The folders are watched, not the files: who replaces a file by renaming another one
// leaves a watched file behind. Where that fails (no such folder, no watches left by
// fs.inotify.max_user_watches) looking at the files from time to time is enough.
func (w *watcher) Watch(ctx context.Context) {
	var events chan fsnotify.Event
	var faults chan error
	notify, err := fsnotify.NewWatcher()
	if err == nil {
		defer notify.Close()
		events, faults = notify.Events, notify.Errors
		w.listen(notify)
	} else {
		w.logger.Warn("geo files are only polled", "every_seconds", w.timing.Poll.Seconds(), "err", err)
	}
	poll := time.NewTicker(w.timing.Poll)
	defer poll.Stop()
	settled := time.NewTimer(w.timing.Settle)
	settled.Stop()
	defer settled.Stop()
	// A folder that is never quiet must not keep a file from being read.
	var deadline time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if !w.concerns(e) {
				continue
			}
			if now := time.Now(); deadline.IsZero() {
				deadline = now.Add(5 * w.timing.Settle)
			} else if now.After(deadline) {
				continue
			}
			settled.Reset(w.timing.Settle)
		case <-faults: // such as more events than the kernel could keep
			settled.Reset(w.timing.Settle)
		case <-settled.C:
			deadline = time.Time{}
			w.Reload()
		case <-poll.C:
			if notify != nil {
				w.listen(notify) // folders may have been made anew
			}
			w.Reload()
		}
	}
}

// listen watches the folders of all files, as far as they are there.
func (w *watcher) listen(notify *fsnotify.Watcher) {
	for _, f := range w.files {
		_ = notify.Add(filepath.Dir(f.report().Path)) // else there is the poll
	}
}

// concerns reports whether an event is about a file. Kubernetes replaces mounted files
// by exchanging the symbolic link ..data in their folder.
func (w *watcher) concerns(e fsnotify.Event) bool {
	base := filepath.Base(e.Name)
	return base == "..data" || slices.ContainsFunc(w.files, func(f refresher) bool {
		return filepath.Base(f.report().Path) == base
	})
}

// shortNames returns the last part of each path, or all of it if that is not unique.
func shortNames(paths []string) map[string]string {
	times := map[string]int{}
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		times[filepath.Base(path)]++
	}
	names := map[string]string{}
	for _, path := range paths {
		if names[path] = filepath.Base(path); times[filepath.Base(path)] > 1 {
			names[path] = path
		}
	}
	return names
}
