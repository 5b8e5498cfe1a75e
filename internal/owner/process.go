package owner

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A holder is a process that has a socket open.
type holder struct {
	pid  int
	name string
}

// findHolders fills in the processes that hold the sockets open, by inode.
func findHolders(proc string, sockets map[uint64]holder) {
	if len(sockets) == 0 {
		return
	}
	entries, _ := os.ReadDir(proc)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		folder := filepath.Join(proc, e.Name())
		for _, inode := range openSockets(filepath.Join(folder, "fd")) {
			before, wanted := sockets[inode]
			if wanted && (before.pid == 0 || pid < before.pid) {
				name, _ := os.ReadFile(filepath.Join(folder, "comm"))
				sockets[inode] = holder{pid, strings.TrimSpace(string(name))}
			}
		}
	}
}

// openSockets returns the inodes of the sockets in a folder of open files. Processes
// end, and may be another user's: what cannot be read is not there.
func openSockets(fd string) []uint64 {
	f, err := os.Open(fd)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	var inodes []uint64
	for _, name := range names {
		target, err := os.Readlink(fd + "/" + name)
		if err != nil {
			continue
		}
		number, isSocket := strings.CutPrefix(target, "socket:[")
		if inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); isSocket && err == nil {
			inodes = append(inodes, inode)
		}
	}
	return inodes
}
