package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Kernel is one of Debian's kernels to test on.
type Kernel struct {
	// Version is the release series, such as "6.1".
	Version string
	// Meta is the Debian package that depends on the newest image.
	Meta string
	// Hooks are the hook families to run the tests with; see testnet.Hooks.
	Hooks []string
}

// Kernels are those of Debian 12, old and new.
var Kernels = []Kernel{
	// Without netfilter links (Linux 6.4) and TCX (6.6).
	{"6.1", "linux-image-cloud-amd64", []string{"auto", "trampoline", "kprobe"}},
	{"6.12", "linux-image-6.12-cloud-amd64", []string{"auto", "trampoline", "kprobe", "net"}},
}

// An Image is an unpacked kernel package.
type Image struct {
	// Root is the folder it was unpacked to.
	Root string
	// Release is what uname -r says.
	Release string
}

// Kernel returns the path of the compressed kernel.
func (i Image) Kernel() string { return filepath.Join(i.Root, "boot", "vmlinuz-"+i.Release) }

// CacheDir returns the folder that keeps the kernels.
func CacheDir() (string, error) {
	if dir := os.Getenv("PACKETSCOPE_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache folder (set PACKETSCOPE_CACHE): %w", err)
	}
	return filepath.Join(dir, "packetscope"), nil
}

// Fetch downloads and unpacks the kernel, unless the cache folder has it.
//
// Root is only needed if the lists of packages have never been updated.
func (k Kernel) Fetch(ctx context.Context, cache string) (Image, error) {
	name, err := k.newest(ctx)
	if err != nil {
		return Image{}, err
	}
	image := Image{Root: filepath.Join(cache, name), Release: strings.TrimPrefix(name, "linux-image-")}
	if _, err := os.Stat(image.Kernel()); err == nil {
		return image, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return Image{}, err
	}
	work, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return Image{}, err
	}
	defer os.RemoveAll(work)
	if err := download(ctx, work, name); err != nil {
		return Image{}, err
	}
	// Renamed at the end, so that a folder in the cache is always complete.
	return image, os.Rename(filepath.Join(work, "tree"), image.Root)
}

// newest follows the meta package to the package of the image.
func (k Kernel) newest(ctx context.Context) (string, error) {
	out, err := run(ctx, "", "apt-cache", "depends", k.Meta)
	if (err != nil || out == "") && os.Geteuid() == 0 {
		if _, err := run(ctx, "", "apt-get", "update", "-qq"); err != nil {
			return "", err
		}
		out, err = run(ctx, "", "apt-cache", "depends", k.Meta)
	}
	if err != nil {
		return "", err
	}
	if name := imageOf(out); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("package %q names no kernel image (try apt-get update, as root)", k.Meta)
}

// imageOf picks the image from the output of apt-cache depends.
func imageOf(depends string) string {
	for line := range strings.Lines(depends) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); ok {
			return "linux-image-" + name
		}
	}
	return ""
}

// download puts the unpacked package into the folder "tree" of work.
func download(ctx context.Context, work, name string) error {
	if _, err := run(ctx, work, "apt-get", "download", "-q", name); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(work, "*.deb"))
	if len(debs) != 1 {
		return fmt.Errorf("apt-get download %s left %d packages, want 1", name, len(debs))
	}
	_, err := run(ctx, work, "dpkg-deb", "-x", debs[0], "tree")
	return err
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
