package vmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Build holds the programs for the guest, made from one module.
type Build struct {
	// Module is the folder with go.mod.
	Module string
	// Dir receives the programs.
	Dir string
}

// Init builds /init and returns its path.
func (b Build) Init(ctx context.Context) (string, error) {
	out := filepath.Join(b.Dir, "init")
	return out, b.goTool(ctx, "build", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "./internal/vmtest/guest")
}

// Suite builds the test binary of a suite and returns its path.
func (b Build) Suite(ctx context.Context, s Suite) (string, error) {
	out := filepath.Join(b.Dir, strings.ReplaceAll(s.Package, "/", "-")+".test")
	return out, b.goTool(ctx, "test", "-c", "-tags", "kernel", "-ldflags=-s -w", "-o", out, "./"+s.Package)
}

func (b Build) goTool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.Module
	// The initramfs has no C library.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
