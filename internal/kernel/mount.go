package kernel

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotMounted is returned by [Host.MountPoint].
var ErrNotMounted = errors.New("not mounted")

// mountEscapes are the characters that /proc/mounts writes in octal
// (mangle() in the kernel's fs/seq_file.c).
var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

// MountPoint returns where the first file system of a type is mounted, such as
// "/sys/fs/cgroup/unified" for "cgroup2", or an error that matches
// [ErrNotMounted] if there is none.
func (h Host) MountPoint(fsType string) (string, error) {
	mounts, err := h.read("proc/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(mounts) {
		// Device, mount point, type, options, and two zeros.
		if fields := strings.Fields(line); len(fields) >= 3 && fields[2] == fsType {
			return mountEscapes.Replace(fields[1]), nil
		}
	}
	return "", fmt.Errorf("%s: %w", fsType, ErrNotMounted)
}
