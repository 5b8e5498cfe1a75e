package owner

import "path/filepath"

// A Socket is what the kernel knows of a socket's owner; 0 where it does not.
type Socket struct {
	// Inode is the number in the link /proc/PID/fd/N, "socket:[inode]".
	Inode uint64
	// Cgroup is the id of the control group (version 2) that the socket was made in.
	Cgroup uint64
}

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

// Of returns the owner of each of the sockets, by its index. Whoever was running
// when a packet passed plays no part in it. Sockets that are closed already have no
// process.
func Of(sockets []Socket) []Owner { return of("/proc", sockets) }

func of(proc string, sockets []Socket) []Owner {
	holders, groups := make(map[uint64]holder), make(map[uint64]string)
	for _, s := range sockets {
		if s.Inode != 0 {
			holders[s.Inode] = holder{}
		}
		if s.Cgroup != 0 {
			groups[s.Cgroup] = ""
		}
	}
	findHolders(proc, holders)
	findCgroups(filepath.Join(proc, "mounts"), groups)
	found := make([]Owner, len(sockets))
	for i, s := range sockets {
		h, group := holders[s.Inode], groups[s.Cgroup] // of inode 0 there is none
		found[i] = Owner{h.pid, h.name, group, containerOf(group)}
	}
	return found
}
