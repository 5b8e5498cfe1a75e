package owner

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// cgroupRoot returns where the hierarchy of version 2 is mounted, "" if nowhere.
func cgroupRoot(mounts string) string {
	text, err := os.ReadFile(mounts)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		// Device, mount point, type: fstab(5).
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1]
		}
	}
	return ""
}

// findCgroups fills in the paths of the groups. A group's id is the inode number of
// its folder.
func findCgroups(mounts string, groups map[uint64]string) {
	root := cgroupRoot(mounts)
	if len(groups) == 0 || root == "" {
		return
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil // gone meanwhile, or a file
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if _, wanted := groups[stat.Ino]; wanted {
			groups[stat.Ino] = "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		}
		return nil
	})
}

// How container engines name their groups: the id of 64 digits with what stands before
// it (docker-, cri-containerd-, crio-, libpod-) and behind, LXC by name, and
// systemd-machined by name too.
var (
	containerID   = regexp.MustCompile(`(?:^|[-/])([0-9a-f]{12})[0-9a-f]{52}(?:\.scope)?(?:/|$)`)
	containerName = regexp.MustCompile(`/(?:lxc(?:\.payload)?[./]|machine-)([^/]+?)(?:\.scope)?(?:/|$)`)
	serviceName   = regexp.MustCompile(`/([^/]+)\.service(?:/|$)`)
)

// containerOf returns what a control group is of, "" if that cannot be told.
func containerOf(cgroup string) string {
	for _, pattern := range []*regexp.Regexp{containerID, containerName, serviceName} {
		if all := pattern.FindAllStringSubmatch(cgroup, -1); all != nil {
			return all[len(all)-1][1] // the innermost
		}
	}
	return ""
}
