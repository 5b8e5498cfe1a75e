package stack

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// An Owner is who a socket belongs to. What is not known is zero.
type Owner struct {
	// PID and Process are the number and the name of a process that holds the socket
	// open, in this process's namespace; the one with the lowest number of several.
	PID     int
	Process string
	// Cgroup is the path of the socket's control group below the root of the
	// hierarchy, such as "/system.slice/nginx.service".
	Cgroup string
	// Container is the name of the container or service that the group is of:
	// twelve digits of a container's id, or a name.
	Container string
}

// Owners returns the owner of each of the flows, by the index of the flow: the
// process that holds the flow's socket open now, and the control group that the
// socket has belonged to since it was made. Whoever was running when a packet
// passed plays no part in it.
//
// It looks through the open files of all processes that it may look at, so it is for
// a few times a second and not for each scrape. Other users' processes take
// CAP_SYS_PTRACE. Sockets that are closed already have no process.
func Owners(flows []Flow) []Owner { return owners("/proc", flows) }

func owners(proc string, flows []Flow) []Owner {
	sockets, groups := make(map[uint64]Owner), make(map[uint64]string)
	for _, f := range flows {
		if f.Socket != 0 {
			sockets[f.Socket] = Owner{}
		}
		if f.Cgroup != 0 {
			groups[f.Cgroup] = ""
		}
	}
	if len(sockets) > 0 {
		findProcesses(proc, sockets)
	}
	if root := cgroupRoot(filepath.Join(proc, "mounts")); root != "" && len(groups) > 0 {
		findCgroups(root, groups)
	}
	found := make([]Owner, len(flows))
	for i, f := range flows {
		o := sockets[f.Socket] // of socket 0 there is none
		o.Cgroup = groups[f.Cgroup]
		o.Container = containerOf(o.Cgroup)
		found[i] = o
	}
	return found
}

// findProcesses fills in the processes that hold the sockets open.
func findProcesses(proc string, sockets map[uint64]Owner) {
	paths, _ := filepath.Glob(filepath.Join(proc, "[0-9]*")) // the pattern is well-formed
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			continue
		}
		for inode := range openSockets(filepath.Join(path, "fd"), sockets) {
			if before := sockets[inode]; before.PID == 0 || pid < before.PID {
				name, _ := os.ReadFile(filepath.Join(path, "comm"))
				sockets[inode] = Owner{PID: pid, Process: strings.TrimSpace(string(name))}
			}
		}
	}
}

// openSockets returns those of the wanted sockets that a folder of open files has.
// Processes end, and may be another user's: what cannot be read is not there.
func openSockets(fd string, wanted map[uint64]Owner) map[uint64]bool {
	open := make(map[uint64]bool)
	entries, _ := os.ReadDir(fd)
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(fd, e.Name()))
		if err != nil {
			continue
		}
		number, isSocket := strings.CutPrefix(target, "socket:[")
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		if _, ok := wanted[inode]; isSocket && err == nil && ok {
			open[inode] = true
		}
	}
	return open
}

// cgroupRoot returns where the hierarchy of version 2 is mounted, "" if nowhere.
func cgroupRoot(mounts string) string {
	f, err := os.Open(mounts)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// Device, mount point, type: fstab(5).
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1]
		}
	}
	return ""
}

// findCgroups fills in the paths of the groups. A group's number is the inode number
// of its folder.
func findCgroups(root string, groups map[uint64]string) {
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
