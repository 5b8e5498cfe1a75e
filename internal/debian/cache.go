package debian

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// CacheDir returns the folder that keeps what was unpacked: the one that the
// environment variable PACKETSCOPE_CACHE names, or packetscope in the user's cache
// folder.
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

// Unpack returns the folder in cache with the files of a package, without those that
// it depends on. What the cache has is not looked for again: remove the folder to get
// a newer one.
//
// Several processes may call it at once. They unpack one after the other, as apt-get ends
// when it finds another one that updates the lists of packages.
func Unpack(ctx context.Context, cache, name string) (string, error) {
	root := filepath.Join(cache, name)
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	held, err := lock(ctx, cache)
	if err != nil {
		return "", err
	}
	defer held.Close()
	if _, err := os.Stat(root); err == nil {
		return root, nil // by who held it before
	}
	work, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := download(ctx, work, name); err != nil {
		return "", err
	}
	// Renamed at the end, so that a folder in the cache is always complete.
	return root, os.Rename(filepath.Join(work, "tree"), root)
}

// download puts the unpacked package into the folder "tree" of work.
func download(ctx context.Context, work, name string) error {
	get := func() error {
		_, err := run(ctx, work, "apt-get", "download", "-q", name)
		return err
	}
	if err := updated(ctx, get); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(work, "*.deb"))
	if len(debs) != 1 {
		return fmt.Errorf("apt-get download %s left %d packages, want 1", name, len(debs))
	}
	_, err := run(ctx, work, "dpkg-deb", "-x", debs[0], "tree")
	return err
}
