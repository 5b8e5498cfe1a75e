package netns

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Names returns what people call the network namespaces, by their inodes: the name under which
// "ip netns" or a container engine mounted one, else "curl[4711]", the process with the lowest
// number that lives in it. What cannot be looked at is left out.
func Names() map[uint64]string {
	found := make(map[uint64]string)
	for _, folder := range []string{"/run/netns/", "/run/docker/netns/"} {
		for _, name := range names(folder) {
			var st unix.Stat_t
			if unix.Stat(folder+name, &st) == nil && isNamespace(folder+name) && found[st.Ino] == "" {
				found[st.Ino] = name
			}
		}
	}
	lowest := make(map[uint64]int)
	for _, name := range names("/proc") {
		pid, err := strconv.Atoi(name)
		var st unix.Stat_t
		if err != nil || unix.Stat("/proc/"+name+"/ns/net", &st) != nil {
			continue
		}
		if before, known := lowest[st.Ino]; known && pid > before {
			continue
		}
		if _, err := os.Readlink("/proc/" + name + "/exe"); errors.Is(err, os.ErrNotExist) {
			continue // the kernel's own
		}
		lowest[st.Ino] = pid
	}
	for inode, pid := range lowest {
		if found[inode] != "" {
			continue
		}
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err == nil {
			found[inode] = fmt.Sprintf("%s[%d]", strings.TrimSpace(string(command)), pid)
		}
	}
	return found
}
