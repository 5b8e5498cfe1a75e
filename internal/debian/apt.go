package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Depends returns the names of the packages that a package depends on.
func Depends(ctx context.Context, name string) (depends []string, err error) {
	err = updated(ctx, func() error {
		out, err := run(ctx, "", "apt-cache", "depends", name)
		if err != nil {
			return err
		}
		if depends = dependsOf(out); len(depends) == 0 {
			return fmt.Errorf("package %q depends on nothing, or is not known (try apt-get update, as root)", name)
		}
		return nil
	})
	return depends, err
}

// dependsOf reads the output of apt-cache depends.
func dependsOf(out string) (names []string) {
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); ok {
			names = append(names, name)
		}
	}
	return names
}

// updated does something that needs the lists of packages. If it fails, root updates
// them and tries again: a fresh machine has none, and an old one has names of
// packages that are gone.
func updated(ctx context.Context, do func() error) error {
	err := do()
	if err == nil || os.Geteuid() != 0 || ctx.Err() != nil {
		return err
	}
	if _, updating := run(ctx, "", "apt-get", "update", "-qq"); updating != nil {
		return errors.Join(err, updating)
	}
	return do()
}

// run returns the standard output of a command; its errors carry the last words
// of standard error.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("run %s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}
