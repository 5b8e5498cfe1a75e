package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

func addSalvage(app *kingpin.Application) verb {
	command := app.Command("salvage", "Copy what is sound of a damaged store to a new file.")
	from := command.Arg("from", "The damaged file, which is not changed.").Required().String()
	to := command.Arg("to", "The new file.").Required().String()
	return func(_ context.Context, e env, _ *slog.Logger) error { return salvage(e, *from, *to) }
}

// salvage prints how many values of each kind were copied, and what could not be read. That
// is no error: the rest is there.
func salvage(e env, from, to string) error {
	found, err := store.Salvage(from, to)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(found.Copied)) {
		fmt.Fprintf(e.stdout, "%-12s %d\n", kind, found.Copied[kind])
	}
	for _, fault := range found.Faults {
		fmt.Fprintf(e.stdout, "left out: %v\n", fault)
	}
	return nil
}

// openStore opens a store, and says what to do about one that is damaged, or that nobody can
// write.
func openStore(c store.Config) (*store.Store, error) {
	s, err := store.Open(c)
	if errors.Is(err, store.ErrCorrupt) {
		return nil, fmt.Errorf("%w: save what is sound by %q, and put the new file in its place", err, fmt.Sprintf("%s salvage %s NEW", program, c.Path))
	}
	folder := filepath.Dir(c.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w (make the folder %q, or name another file: store.path)", err, folder)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return nil, fmt.Errorf("%w (let user %d write to the folder %q, or name another file: store.path)", err, os.Geteuid(), folder)
	}
	return s, err
}
